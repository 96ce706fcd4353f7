package procfile_test

import (
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
)

// FuzzRead reads Procfiles: each process has a type and a line of its own, and is a list of commands or a fault.
func FuzzRead(f *testing.F) {
	f.Add("web: server --port $PORT\n# a comment\nworker: cd x && A='b c' work; true\n")
	f.Add("\ufeffweb : a \"b\" | c\r\nrelease: A=1")
	f.Add("web: 'a\nweb:\nb")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{procfile.Name: text})
		processes, err := procfile.Read(dir)
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		types, line := map[string]bool{}, 0
		for _, p := range processes {
			if err := bp.CheckType(p.Type); err != nil || types[p.Type] || p.Line <= line {
				t.Errorf("line %d is the process %q (%v)", p.Line, p.Type, err)
			}
			types[p.Type], line = true, p.Line
			list, err := p.List()
			if err != nil {
				kittest.Fault(t, err)
				continue
			}
			if len(list) == 0 || len(list[len(list)-1].Words) == 0 {
				t.Errorf("process %s starts nothing: %+v", p.Type, list)
			}
		}
	})
}
