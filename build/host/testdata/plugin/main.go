// Command plugin is a Go output named "scripted" that the test host is tested
// with: each chunk's tag says what its flush does, and the environment what
// Register does.
//
//	ok, error, invalid   return that (invalid: 7)
//	retry                always RETRY
//	retry.<n>.<name>     RETRY n times for this tag and instance, then OK
//	slow.<ms>            return OK after so many milliseconds
//	panic, segv          die
//	recover              panic, recover, return ERROR
//	deep                 use 8 KiB of C stack and 1 MiB of Go stack, then OK
//
// Properties: `init` is what Init returns (default 1); `journal` is a file that
// gets one line for each call; `dump` is a folder that gets each payload, as
// <tag>.<number>.
package main

/*
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

struct def { int type; int proxy; int flags; char *name; char *description; int event_type; };

static void set_event_type(void *def, int v) { ((struct def *) def)->event_type = v; }
static int thread_id(void) { return (int) syscall(SYS_gettid); }
static void crash(void) { *(volatile int *) 0 = 1; }

static int use_stack(void)
{
	volatile char room[8192];

	memset((void *) room, 1, sizeof(room));
	return room[8191];
}
*/
import "C"

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"
)

type instance struct {
	name, journal, dump string

	mu    sync.Mutex
	tries map[string]int // flushes by tag
}

func (i *instance) note(format string, args ...any) {
	if i.journal == "" {
		return
	}
	f, err := os.OpenFile(i.journal, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	fmt.Fprintf(f, "%s %d %s\n", i.name, C.thread_id(), fmt.Sprintf(format, args...))
}

// FLBPluginRegister writes event_type when EVENT_TYPE is set, whether the host's
// struct has the field or not, and returns REGISTER when that is set.
//
//export FLBPluginRegister
func FLBPluginRegister(def unsafe.Pointer) C.int {
	if v, err := strconv.Atoi(os.Getenv("EVENT_TYPE")); err == nil {
		C.set_event_type(def, C.int(v))
	}
	if v, err := strconv.Atoi(os.Getenv("REGISTER")); err == nil {
		return C.int(v)
	}
	return C.int(output.FLBPluginRegister(def, "scripted", "does what the tag says"))
}

//export FLBPluginInit
func FLBPluginInit(plugin unsafe.Pointer) C.int {
	i := &instance{
		name:    output.FLBPluginConfigKey(plugin, "instance"),
		journal: output.FLBPluginConfigKey(plugin, "journal"),
		dump:    output.FLBPluginConfigKey(plugin, "dump"),
		tries:   make(map[string]int),
	}
	var seen []string
	for _, key := range []string{"UPPER", "workers", "host", "match", "empty", "from_env", "twice"} {
		seen = append(seen, key+"="+output.FLBPluginConfigKey(plugin, key))
	}
	i.note("init %s", strings.Join(seen, " "))
	output.FLBPluginSetContext(plugin, i)
	if v, err := strconv.Atoi(output.FLBPluginConfigKey(plugin, "init")); err == nil {
		return C.int(v)
	}
	return 1
}

//export FLBPluginFlushCtx
func FLBPluginFlushCtx(ctx, data unsafe.Pointer, length C.size_t, tag *C.char) C.int {
	i, ok := output.FLBPluginGetContext(ctx).(*instance)
	if !ok {
		return output.FLB_ERROR
	}
	payload := unsafe.Slice((*byte)(data), int(length))
	i.note("flush %s %d %x", C.GoString(tag), len(payload), sha256.Sum256(payload))
	return C.int(i.flush(C.GoString(tag), payload))
}

func (i *instance) flush(tag string, payload []byte) int {
	i.mu.Lock()
	i.tries[tag]++
	n := i.tries[tag]
	i.mu.Unlock()
	if i.dump != "" {
		name := filepath.Join(i.dump, fmt.Sprintf("%s.%d", tag, n))
		if err := os.WriteFile(name, payload, 0o600); err != nil {
			return output.FLB_ERROR
		}
	}
	word, rest, _ := strings.Cut(tag, ".")
	switch word {
	case "error":
		return output.FLB_ERROR
	case "invalid":
		return 7
	case "retry":
		return retry(rest, n)
	case "slow":
		ms, _ := strconv.Atoi(rest)
		time.Sleep(time.Duration(ms) * time.Millisecond)
	case "panic":
		panic("as the tag says")
	case "recover":
		return recovered()
	case "segv":
		C.crash()
	case "deep":
		if C.use_stack() != 1 || deep(64) != 64 {
			return output.FLB_ERROR
		}
	}
	return output.FLB_OK
}

func retry(rest string, flushes int) int {
	count, _, limited := strings.Cut(rest, ".")
	if n, _ := strconv.Atoi(count); limited && flushes > n {
		return output.FLB_OK
	}
	return output.FLB_RETRY
}

func recovered() (result int) {
	defer func() {
		if recover() != nil {
			result = output.FLB_ERROR
		}
	}()
	panic("to be recovered")
}

// deep takes 16 KiB of stack a call.
func deep(n int) int {
	var room [16384]byte
	if n == 0 {
		return int(room[len(room)-1])
	}
	room[n] = 1
	return deep(n-1) + int(room[n])
}

//export FLBPluginExitCtx
func FLBPluginExitCtx(ctx unsafe.Pointer) C.int {
	if i, ok := output.FLBPluginGetContext(ctx).(*instance); ok {
		i.note("exit ctx")
	}
	return output.FLB_OK
}

//export FLBPluginExit
func FLBPluginExit() C.int { return output.FLB_OK }

//export FLBPluginUnregister
func FLBPluginUnregister(def unsafe.Pointer) { output.FLBPluginUnregister(def) }

func main() {}
