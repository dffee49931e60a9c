package statuspage

import "out_edge/timefix"

// tailView is the last records, or why they are not here.
type tailView struct {
	Records []recordView
	None    string
}

// recordView is one record.
type recordView struct {
	Time, Date string // UTC
	Tag, Short string
	Text       string
	Verdict    string // how its time was repaired, or ""
	Age        string // when it came
}

func (in *Instance) tailView(now int64) (v tailView) {
	switch {
	case in.Records == RecordsOff:
		v.None = "status_records is off: no record is kept for this page."
	case !in.ShowsTail():
		v.None = "Records may hold what is not for everybody on the network. They are shown on the device itself, to whom a password or a certificate lets in, and with status_records on."
	case len(in.Tail) == 0:
		v.None = "No log record has come yet."
	}
	for i := range in.Tail {
		e := &in.Tail[i]
		r := recordView{Time: e.Time.Format("15:04:05.000"), Date: e.Time.Format("2006-01-02"), Tag: clean(e.Tag), Text: cleanUpTo(e.Text, maxRecord)}
		if e.Verdict != timefix.OK {
			r.Verdict = plainWords(e.Verdict.String())
		}
		r.Age, r.Short = ago(now, e.Arrived), shortTag(r.Tag)
		v.Records = append(v.Records, r)
	}
	return v
}

// maxRecord is how many characters of a record are shown.
const maxRecord = 420
