package exporter

// Validate reports all faults at once, each with its property, what it is and
// what it must be. It opens nothing.
func (c Config) Validate() error {
	_, err := c.prepare()
	return err
}
