package golang

import "testing"

// TestMembersRefuse has modules that the go command would miss.
func TestMembersRefuse(t *testing.T) {
	t.Parallel()
	const requires = "module example.test/shop\n\nrequire example.test/lib v0.0.0\n\nreplace example.test/lib => "
	vendored := map[string]string{"go.mod": requires + "../lib\n", "vendor/modules.txt": "# example.test/lib v0.0.0 => ../lib\n"}
	tests := []struct {
		name  string // of the golden file, "" when there is nothing to refuse
		files map[string]string
	}{
		{"member-missing", map[string]string{"go.work": "go 1.22\n\nuse ./api\n\nuse ./gone\n", "api/go.mod": "module api\n"}},
		{"member-outside", map[string]string{"go.work": "go 1.22\n\nuse .\n\nuse ../lib\n", "go.mod": goMod}},
		{"member-syntax", map[string]string{"go.work": "go 1.22\n\nuse ./api\n", "api/go.mod": "modul api\n"}},
		{"replace-outside", map[string]string{"go.mod": requires + "../lib\n"}},
		{"replace-absolute", map[string]string{"go.mod": requires + "/home/ann/lib\n"}},
		{"replace-missing", map[string]string{"go.mod": requires + "./lib\n"}},
		{"", map[string]string{"go.mod": requires + "./lib\n", "lib/go.mod": "module example.test/lib\n"}},
		{"", map[string]string{"go.mod": requires + "example.test/fork v1.0.0\n"}},
		{"", map[string]string{"go.mod": goMod + "\nreplace example.test/other => ../other\n"}},
		{"", vendored},
	}
	for _, tt := range tests {
		dir := app(t, tt.files)
		_, err := readModules(dir, nil)
		if tt.name != "" {
			wantFault(t, tt.name, err)
		} else if err != nil {
			t.Errorf("%v: %v", tt.files, err)
		}
	}
}
