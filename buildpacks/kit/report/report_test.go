package report_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

func TestLog(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		options report.Options
	}{
		{"plain", report.Options{}},
		{"color", report.Options{Color: true, Debug: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			clock := time.Unix(0, 0)
			test.options.Now = func() time.Time { clock = clock.Add(1234 * time.Millisecond); return clock }
			var out bytes.Buffer
			log := report.New(&out, test.options)
			log.Title("Strata Go", "0.1.0")
			log.Heading("Decisions")
			log.Decision("Go version", "1.26.8", "go.mod")
			log.Decision("Targets", "./cmd/a", "")
			log.Warn("BP_GO_X is set but nothing reads it")
			log.Debug("seen with debugging only")
			done := log.Phase("Compiling %s", "./cmd/a")
			stream := log.Stream()
			for _, part := range []string{"first\nsec", "ond\r\n", "\n", "no line feed"} {
				if _, err := io.WriteString(stream, part); err != nil {
					t.Fatal(err)
				}
			}
			if err := stream.Close(); err != nil {
				t.Fatal(err)
			}
			log.Bullet("100%% %s", "done")
			done()
			kittest.Golden(t, test.name+".txt", out.String())
		})
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0.0s", 40 * time.Millisecond: "0.0s", 1250 * time.Millisecond: "1.2s",
		59 * time.Second: "59.0s", 125*time.Second + 700*time.Millisecond: "2m06s",
	} {
		if got := report.Duration(d); got != want {
			t.Errorf("%s: got %q, want %q", fmt.Sprint(d), got, want)
		}
	}
}
