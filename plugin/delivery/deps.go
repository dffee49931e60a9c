package delivery

import (
	"log/slog"

	"out_edge/timefix"
)

// Deps is what a sink is given by its owner. A nil Log or Telemetry is none.
type Deps struct {
	Clock     timefix.Clock
	Log       *slog.Logger
	Telemetry Telemetry
}

// WithDefaults returns d with nothing in it that is nil, the Clock apart.
func (d Deps) WithDefaults() Deps {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Telemetry == nil {
		d.Telemetry = NoTelemetry{}
	}
	return d
}
