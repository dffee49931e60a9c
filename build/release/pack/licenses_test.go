package pack_test

import (
	"testing"

	"out_edge/build/release/pack"
)

func TestIdentify(t *testing.T) {
	const bsd = "Redistribution and use in source\nand binary forms, with or without modification, are permitted"
	for _, c := range []struct{ name, text, want string }{
		{"Apache", "                                 Apache License\n                           Version 2.0, January 2004\n", "Apache-2.0"},
		{"Apache by its header", "Licensed under the Apache License, Version 2.0 (the \"License\");", "Apache-2.0"},
		{"BSD 3", bsd + "\n * Neither the name of Google Inc. nor", "BSD-3-Clause"},
		{"BSD 2", bsd, "BSD-2-Clause"},
		{"MIT", "Permission is hereby granted, free\n   of charge, to any person", "MIT"},
		{"ISC", "Permission to use, copy, modify, and/or distribute this software for any", "ISC"},
		{"GPL", "GNU GENERAL PUBLIC LICENSE Version 3", ""},
		{"MPL", "Mozilla Public License Version 2.0", ""},
		{"none", "All rights reserved.", ""},
	} {
		if got := pack.Identify(c.text); got != c.want {
			t.Errorf("%s: Identify = %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNoticeFile(t *testing.T) {
	got := string(pack.NoticeFile([]pack.Notice{
		{Path: "a", Version: "v1", ID: "MIT", Text: "text one\n\n"},
		{Path: "b", Version: "v2", ID: "ISC", Text: "text two\n\n"},
		{Path: "c", Version: "v3", ID: "MIT", Text: "text one\n\n"},
	}))
	rule := "\n------------------------------------------------------------------------------\n"
	want := "out_edge is linked with the following software, under the licences that follow each.\n" +
		rule + "a v1 (MIT)\nc v3 (MIT)\n\ntext one\n\n" + rule + "b v2 (ISC)\n\ntext two\n\n"
	if got != want {
		t.Errorf("NoticeFile =\n%s\nwant\n%s", got, want)
	}
}
