// Package delivery is what every sink that sends over a network shares. It knows no
// intake and no format.
//
// Sink is what the pipeline asks of one, Job a chunk's part for it. Around each sink
// stands a Gate, which decides when the receiver may be asked. A sink sends through a
// Sender: it compresses, splits, and gives each part its outcome by the one table of
// outcomes, in a Run. Beside them: secrets that are read from files, and the HTTP
// client.
package delivery
