//go:build !arm

package main

import (
	"encoding/json"
	"log"
	"time"

	"github.com/DataDog/datadog-api-client-go/v2/api/datadogV2"
)

// Compiling the models for one more processor takes minutes and 5 GB, so not for arm.
func init() { models = withModels }

func withModels(chunk []byte) []byte {
	source, service, tags := "edge", "svc", "env:test"
	var items []datadogV2.HTTPLogItem
	decode(chunk, func(at time.Time, record map[any]any) {
		m := fields(record)
		message, _ := m["message"].(string)
		delete(m, "message")
		m["timestamp"] = at.UnixMilli()
		items = append(items, datadogV2.HTTPLogItem{Ddsource: &source, Service: &service, Ddtags: &tags, Message: message, AdditionalProperties: m})
	})
	body, err := json.Marshal(items)
	if err != nil {
		log.Fatal(err)
	}
	return body
}
