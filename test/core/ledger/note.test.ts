import { ed25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toBytes } from "../../../lib/core/ledger/bytes.ts";
import { formatCheckpoint, openCheckpoint, parseCheckpoint } from "../../../lib/core/ledger/checkpoint.ts";
import { Malformed } from "../../../lib/core/ledger/errors.ts";
import { formatNote, formatVkey, openNote, parseVkey, verifier } from "../../../lib/core/ledger/note.ts";

/** The example of the specification (C2SP/signed-note.md). */
const VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE =
  "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
const seed = new Uint8Array(32).fill(3);
const by = verifier("rekey.test/ledger", ed25519.getPublicKey(seed));
const signed = (text: string) => formatNote(text, by, ed25519.sign(toBytes(text), seed));

describe("signed notes (C2SP)", () => {
  it("read and write the specification's own key and note", () => {
    const example = parseVkey(VKEY);
    expect(formatVkey(example)).toBe(VKEY);
    expect(formatVkey(verifier(example.name, example.key))).toBe(VKEY);
    expect(openNote(NOTE, example)).toBe("This is an example message.\n");
  });
  it("refuse any change of one character in text or signature", () => {
    const example = parseVkey(VKEY);
    for (let at = 0; at < NOTE.length; at += 1) {
      const bent = NOTE.slice(0, at) + (NOTE[at] === "A" ? "B" : "A") + NOTE.slice(at + 1);
      expect(() => openNote(bent, example), `character ${at}`).toThrow(Malformed);
    }
  });
  it("pass over other keys' lines, and refuse a note without ours", () => {
    const other = verifier("other.test", ed25519.getPublicKey(new Uint8Array(32).fill(4)));
    const text = "hello\n";
    const theirs = `— other.test ${formatNote(text, other, new Uint8Array(64)).split(" ").at(-1)}`;
    expect(openNote(signed(text) + theirs, by)).toBe(text);
    expect(() => openNote(`${text}\n${theirs}`, by)).toThrow(/no signature by rekey\.test/);
  });
  it("refuse keys that are not theirs", () => {
    expect(() => parseVkey("rekey.test+00000000+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")).toThrow(
      /does not belong/,
    );
    for (const text of ["", "a+b", `${VKEY}A`, "x y+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"])
      expect(() => parseVkey(text)).toThrow(Malformed);
    expect(() => verifier("with space", seed)).toThrow(Malformed);
  });
  it("throw nothing but Malformed, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((s) => `${s}\n\n— rekey.test/ledger ${s}\n`),
        ),
        (text) => {
          expect(() => openNote(text, by)).toThrow(Malformed);
        },
      ),
    );
  });
});

describe("checkpoints (C2SP)", () => {
  const root = new Uint8Array(32).fill(9);
  it("read and write the text of the specification's own example (C2SP/tlog-checkpoint.md)", () => {
    const text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    const example = parseCheckpoint(text);
    expect(example).toMatchObject({ origin: "example.com/behind-the-sofa", size: 20_852_163 });
    expect(formatCheckpoint(example)).toBe(text);
  });
  it("survive the round trip, and name the key's log", () => {
    const checkpoint = { origin: by.name, size: 70_000, root };
    expect(openCheckpoint(signed(formatCheckpoint(checkpoint)), by)).toEqual(checkpoint);
    const foreign = formatCheckpoint({ ...checkpoint, origin: "elsewhere" });
    expect(() => openCheckpoint(signed(foreign), by)).toThrow(/is of elsewhere/);
  });
  it.each(["", "o\n", "o\n-1\nCQ==\n", "o\n01\nAAAA\n", "o\n1e3\n", "o\n9007199254740993\nAAAA\n", "o\n1\nAAAA\n"])(
    "refuse %j",
    (text) => {
      expect(() => parseCheckpoint(text)).toThrow(Malformed);
    },
  );
});
