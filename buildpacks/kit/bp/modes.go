package bp

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// settleModes gives the app's folders the mode 0755, and its files 0755 or 0644, as their owner may execute them or not:
// platforms differ in it (pack opens the app's folder to everybody when it trusts the builder, and keeps what the umask
// left of the rest), images must not. What another user owns is the platform's own and stays.
func settleModes(appDir string) error {
	self := os.Geteuid()
	err := filepath.WalkDir(appDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() && !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o644)
		if entry.IsDir() || info.Mode()&0o100 != 0 {
			want = 0o755
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != self || info.Mode()&^fs.ModeDir == want {
			return nil
		}
		return os.Chmod(path, want)
	})
	if err != nil {
		return fmt.Errorf("settling the modes of the app's files: %w", err)
	}
	return nil
}
