// Verifies an export of Rekey's ledger with the Go project's own libraries, as a stranger would:
//
//	go run . DIR [VKEY]
//
// Checks the signature, every inclusion proof and a consistency proof from every 97th size; prints what it checked. With
// a VKEY other than the export's own, it follows the log's handovers from that key. Where there is a file cosigned, it
// checks the cosignature of the witness whose key is in the file witness. Where there are later years (shard/), each is
// checked as a log by itself, and that it begins with what the one before it ended as.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
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
		read, err := os.ReadFile(filepath.Join(t.dir, strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		data[i] = read
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
	found, err := os.ReadFile(filepath.Join(parts...))
	fail("read", err)
	return string(found)
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

// witness verifies cosignatures (C2SP tlog-cosignature, type 0x04), which the note package knows nothing of.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w witness) Name() string    { return w.name }
func (w witness) KeyHash() uint32 { return w.hash }
func (w witness) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	seen := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(w.key, []byte(seen), sig[8:])
}

func newWitness(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(strings.TrimSpace(vkey), "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a witness's key")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return nil, errors.New("not a key of Ed25519 cosignatures")
	}
	id := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	return witness{parts[0], binary.BigEndian.Uint32(id[:]), ed25519.PublicKey(key[1:])}, nil
}

func tree(text string) tlog.Tree {
	lines := strings.Split(text, "\n")
	var size int64
	_, err := fmt.Sscan(lines[1], &size)
	fail("size", err)
	root, err := tlog.ParseHash(lines[2])
	fail("root", err)
	return tlog.Tree{N: size, Hash: root}
}

// heir tells the key that an entry hands over to from this one, provided that both signed that.
func heir(entry []byte, from note.Verifier, vkey string) (string, bool) {
	if !bytes.Contains(entry, []byte("ledger.key.rotated")) {
		return "", false
	}
	var event struct{ Data struct{ Note string } }
	if json.Unmarshal(entry, &event) != nil {
		return "", false
	}
	signed, err := note.Open([]byte(event.Data.Note), note.VerifierList(from))
	if err != nil {
		return "", false
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[0] != "rekey/ledger-key-handover/v1" || lines[1] != vkey {
		return "", false
	}
	to, err := note.NewVerifier(lines[2])
	if err != nil || to.Name() != from.Name() {
		return "", false
	}
	_, err = note.Open([]byte(event.Data.Note), note.VerifierList(to))
	return lines[2], err == nil
}

// open follows handovers, in the order in which they lie in the log, until a key has signed the checkpoint.
func open(dir, vkey string) (*note.Note, note.Verifier) {
	checkpoint := []byte(read(dir, "checkpoint"))
	verifier, err := note.NewVerifier(vkey)
	fail("vkey", err)
	signed, err := note.Open(checkpoint, note.VerifierList(verifier))
	if err == nil {
		return signed, verifier
	}
	text, _, _ := strings.Cut(string(checkpoint), "\n\n")
	for _, entry := range entries(dir, tree(text+"\n").N) {
		next, isHeir := heir(entry, verifier, vkey)
		if !isHeir {
			continue
		}
		vkey = next
		verifier, err = note.NewVerifier(vkey)
		fail("vkey", err)
		if signed, err = note.Open(checkpoint, note.VerifierList(verifier)); err == nil {
			return signed, verifier
		}
	}
	fail("note", err)
	return nil, nil
}

func cosigned(dir string, head tlog.Tree, reader tlog.HashReader) {
	if _, err := os.Stat(filepath.Join(dir, "cosigned")); err != nil {
		return
	}
	by, err := newWitness(read(dir, "witness"))
	fail("witness", err)
	signed, err := note.Open([]byte(read(dir, "cosigned")), note.VerifierList(by))
	fail("cosigned", err)
	older := tree(signed.Text)
	proof, err := tlog.ProveTree(head.N, older.N, reader)
	fail("prove tree", err)
	fail("cosigned tree", tlog.CheckTree(proof, head.N, head.Hash, older.N, older.Hash))
	fmt.Printf("%d entries cosigned by %s\n", older.N, by.Name())
}

// check verifies one log, which a year of ours is: every inclusion proof, and consistency from many sizes.
func check(dir, vkey string) (note.Verifier, tlog.Tree, [][]byte) {
	signed, verifier := open(dir, vkey)
	head := tree(signed.Text)
	size, root := head.N, head.Hash
	reader := tlog.TileHashReader(head, tiles{dir})
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
	cosigned(dir, head, reader)
	return verifier, head, all
}

// years goes on through the years after the first: each begins with what the one before it ended as.
func years(dir string, name string, head tlog.Tree) {
	later, err := filepath.Glob(filepath.Join(dir, "shard", "*"))
	fail("years", err)
	for _, year := range later {
		verifier, next, all := check(year, strings.TrimSpace(read(year, "vkey")))
		var first struct {
			Data struct {
				Previous struct {
					Origin string
					Size   int64
					Root   string
				}
			}
		}
		fail("first entry", json.Unmarshal(all[0], &first))
		was := first.Data.Previous
		if was.Origin != name || was.Size != head.N || was.Root != hex.EncodeToString(head.Hash[:]) {
			fail(verifier.Name(), fmt.Errorf("begins with %v, not where %s ends", was, name))
		}
		name, head = verifier.Name(), next
	}
}

func main() {
	dir := os.Args[1]
	vkey := strings.TrimSpace(read(dir, "vkey"))
	if len(os.Args) > 2 {
		vkey = os.Args[2]
	}
	verifier, head, _ := check(dir, vkey)
	years(dir, verifier.Name(), head)
}
