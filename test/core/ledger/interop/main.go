// Verifies an export of Rekey's ledger with the Go project's own libraries, as a stranger would:
//
//	go run . DIR
//
// Checks the signature, every inclusion proof and a consistency proof from every 97th size; prints what it checked.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type tiles struct{ dir string }

func (tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(wanted))
	for i, tile := range wanted {
		// Go writes the height into the path, C2SP does not.
		bytes, err := os.ReadFile(filepath.Join(t.dir, strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		data[i] = bytes
	}
	return data, nil
}

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func fail(what string, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, what+":", err)
		os.Exit(1)
	}
}

func read(parts ...string) string {
	bytes, err := os.ReadFile(filepath.Join(parts...))
	fail("read", err)
	return string(bytes)
}

// entries splits the bundles: each entry lies behind its length in two bytes, big-endian.
func entries(dir string, size int64) [][]byte {
	var all [][]byte
	for n := int64(0); n*256 < size; n++ {
		tile := tlog.Tile{H: 8, L: 0, N: n, W: int(min(256, size-n*256))}
		path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
		for bundle := []byte(read(dir, path)); len(bundle) > 0; {
			length := int(bundle[0])<<8 | int(bundle[1])
			all = append(all, bundle[2:2+length])
			bundle = bundle[2+length:]
		}
	}
	return all
}

func main() {
	dir := os.Args[1]
	verifier, err := note.NewVerifier(strings.TrimSpace(read(dir, "vkey")))
	fail("vkey", err)
	signed, err := note.Open([]byte(read(dir, "checkpoint")), note.VerifierList(verifier))
	fail("note", err)
	lines := strings.Split(signed.Text, "\n")
	var size int64
	_, err = fmt.Sscan(lines[1], &size)
	fail("size", err)
	root, err := tlog.ParseHash(lines[2])
	fail("root", err)
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tiles{dir})
	all := entries(dir, size)
	if int64(len(all)) != size {
		fail("entries", fmt.Errorf("%d, not %d", len(all), size))
	}
	for i, entry := range all {
		proof, err := tlog.ProveRecord(size, int64(i), reader)
		fail("prove record", err)
		fail(fmt.Sprint("record ", i), tlog.CheckRecord(proof, size, root, int64(i), tlog.RecordHash(entry)))
	}
	for older := int64(1); older <= size; older += 97 {
		hash, err := tlog.TreeHash(older, reader)
		fail("tree hash", err)
		proof, err := tlog.ProveTree(size, older, reader)
		fail("prove tree", err)
		fail(fmt.Sprint("tree ", older), tlog.CheckTree(proof, size, root, older, hash))
	}
	fmt.Printf("%s %d entries verified\n", verifier.Name(), size)
}
