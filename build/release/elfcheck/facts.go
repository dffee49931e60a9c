package elfcheck

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Facts are what the file says of itself.
type Facts struct {
	Machine elf.Machine
	Class   elf.Class
	Data    elf.Data
	Type    elf.Type
	// HardFloat: 32-bit ARM only; floating-point arguments go in registers.
	HardFloat bool
	// Needed are the libraries that the loader brings, sorted.
	Needed []string
	// SearchPath is DT_RPATH or DT_RUNPATH: folders of whoever built it.
	SearchPath string
	// TextRelocations: code pages would be written to, and shared by nobody.
	TextRelocations bool
	// ExecutableStack: the whole process would get one.
	ExecutableStack bool
	// Debug: symbol table or DWARF sections are still in.
	Debug bool
	// Exports are the names that others can bind to, sorted.
	Exports []string
	// GLIBC is the newest version that the loader must find, and NewestSymbols
	// which symbols are bound to it, sorted.
	GLIBC         Version
	NewestSymbols []string
	// ABI are the needs of glibc that are no version, sorted, such as
	// GLIBC_ABI_DT_RELR. A loader that does not know one refuses the library.
	ABI []string
	// Size is the file's, in bytes.
	Size int64
}

// armHardFloat is EF_ARM_ABI_FLOAT_HARD of the ELF header's flags (ELF for the
// Arm Architecture, 5.2).
const armHardFloat = 0x400

// Read reads a library's facts.
func Read(path string) (Facts, error) {
	f, err := elf.Open(path)
	if err != nil {
		return Facts{}, fmt.Errorf("read %s: %w", path, err)
	}
	defer f.Close()
	facts := Facts{Machine: f.Machine, Class: f.Class, Data: f.Data, Type: f.Type, ExecutableStack: true}
	if err := facts.readHeader(path, f); err != nil {
		return Facts{}, fmt.Errorf("read %s: %w", path, err)
	}
	if err := facts.readDynamic(f); err != nil {
		return Facts{}, fmt.Errorf("read %s: %w", path, err)
	}
	if err := facts.readVersions(f); err != nil {
		return Facts{}, fmt.Errorf("read %s: %w", path, err)
	}
	if err := facts.readSymbols(f); err != nil {
		return Facts{}, fmt.Errorf("read %s: %w", path, err)
	}
	return facts, nil
}

func (x *Facts) readHeader(path string, f *elf.File) error {
	raw, err := os.Open(path)
	if err != nil {
		return err
	}
	defer raw.Close()
	info, err := raw.Stat()
	if err != nil {
		return err
	}
	x.Size = info.Size()
	if f.Machine == elf.EM_ARM {
		// e_flags of a 32-bit header: 16 bytes ident, 2+2+4+4+4+4 before it.
		var flags [4]byte
		if _, err := raw.ReadAt(flags[:], 36); err != nil {
			return err
		}
		x.HardFloat = binary.LittleEndian.Uint32(flags[:])&armHardFloat != 0
	}
	for _, p := range f.Progs {
		// A library without this header gets an executable stack.
		if p.Type == elf.PT_GNU_STACK {
			x.ExecutableStack = p.Flags&elf.PF_X != 0
		}
	}
	for _, s := range f.Sections {
		if s.Type == elf.SHT_SYMTAB || strings.HasPrefix(s.Name, ".debug_") || strings.HasPrefix(s.Name, ".zdebug_") {
			x.Debug = true
		}
	}
	return nil
}

func (x *Facts) readDynamic(f *elf.File) error {
	needed, err := f.ImportedLibraries()
	if err != nil {
		return err
	}
	slices.Sort(needed)
	x.Needed = needed
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		paths, err := f.DynString(tag)
		if err != nil {
			return err
		}
		x.SearchPath += strings.Join(paths, ":")
	}
	textrel, err := f.DynValue(elf.DT_TEXTREL)
	if err != nil {
		return err
	}
	flags, err := f.DynValue(elf.DT_FLAGS)
	if err != nil {
		return err
	}
	x.TextRelocations = len(textrel) > 0
	for _, v := range flags {
		x.TextRelocations = x.TextRelocations || elf.DynFlag(v)&elf.DF_TEXTREL != 0
	}
	return nil
}

// readVersions reads .gnu.version_r, which is what the loader goes by: it holds
// more than the versions of symbols.
func (x *Facts) readVersions(f *elf.File) error {
	if f.SectionByType(elf.SHT_GNU_VERNEED) == nil {
		return nil
	}
	needs, err := f.DynamicVersionNeeds()
	if err != nil {
		return err
	}
	for _, library := range needs {
		for _, need := range library.Needs {
			v, ok := strings.CutPrefix(need.Dep, "GLIBC_")
			if !ok {
				continue
			}
			version, err := ParseVersion(v)
			switch {
			case err != nil:
				x.ABI = append(x.ABI, need.Dep)
			case x.GLIBC.Less(version):
				x.GLIBC = version
			}
		}
	}
	slices.Sort(x.ABI)
	return nil
}

func (x *Facts) readSymbols(f *elf.File) error {
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return err
	}
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF {
			if elf.ST_BIND(s.Info) != elf.STB_LOCAL {
				x.Exports = append(x.Exports, s.Name)
			}
			continue
		}
		if s.Version == "GLIBC_"+x.GLIBC.String() {
			x.NewestSymbols = append(x.NewestSymbols, s.Name)
		}
	}
	slices.Sort(x.Exports)
	slices.Sort(x.NewestSymbols)
	return nil
}
