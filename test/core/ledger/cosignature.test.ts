import { ed25519 } from "@noble/curves/ed25519.js";
import { describe, expect, it } from "vitest";
import { toBytes } from "../../../lib/core/ledger/bytes.ts";
import {
  cosignatureLine,
  cosignaturesOf,
  cosignedText,
  formatWitness,
  parseWitness,
  witnessOf,
} from "../../../lib/core/ledger/cosignature.ts";
import { formatNote, formatVkey, verifier } from "../../../lib/core/ledger/note.ts";
import { judgeCosigned, parsePolicyFile } from "../../../lib/core/ledger/witness-policy.ts";

const key = (n: number) => new Uint8Array(32).fill(n);
const witness = (n: number, name = `witness.example/w${n}`) => witnessOf(name, ed25519.getPublicKey(key(n)));
const TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
const log = verifier("example.com/behind-the-sofa", ed25519.getPublicKey(key(9)));
const NOTE = formatNote(TEXT, log, ed25519.sign(toBytes(TEXT), key(9)));
const cosigned = (n: number, time: number, text = TEXT) =>
  cosignatureLine(witness(n), time, ed25519.sign(cosignedText(text, time), key(n)));

describe("cosignatures (C2SP tlog-cosignature)", () => {
  it("sign the bytes that the specification shows", () => {
    // c2sp.org/tlog-cosignature, "Ed25519 signed message".
    expect(cosignedText(TEXT, 1679315147)).toEqual(toBytes(`cosignature/v1\ntime 1679315147\n${TEXT}`));
  });
  it("have lines of the specification's form: a key id, the time in eight bytes, 64 of signature", () => {
    // The specification's own example line begins with this id and the time 1679315147.
    const [, , example = ""] =
      "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==".split(
        " ",
      );
    const theirs = Buffer.from(example, "base64");
    const [, , line = ""] = cosigned(1, 1679315147).trimEnd().split(" ");
    const ours = Buffer.from(line, "base64");
    expect(ours.length).toBe(theirs.length);
    expect(ours.subarray(4, 12)).toEqual(theirs.subarray(4, 12));
  });
  it("are found in a note and tell when; other lines and other texts are passed over", () => {
    const all = [1, 2, 3].map((n) => witness(n));
    const other = cosigned(3, 1679315147, TEXT.replace("20852163", "20852164"));
    const found = cosignaturesOf(`${NOTE}${cosigned(1, 1679315147)}${other}`, all);
    expect(found.map((one) => [one.witness.name, one.time])).toEqual([["witness.example/w1", 1679315147]]);
  });
  it("do not hold once any byte of the line, or the key, is another", () => {
    const line = cosigned(1, 1679315147);
    const bytes = Buffer.from(line.split(" ")[2] ?? "", "base64");
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const note = `${NOTE}— witness.example/w1 ${changed.toString("base64")}\n`;
      expect(cosignaturesOf(note, [witness(1)]), `byte ${at}`).toEqual([]);
    }
    expect(cosignaturesOf(NOTE + line, [witness(2, "witness.example/w1")])).toEqual([]);
  });
  it("have keys of type 04, which a log's key cannot pass for", () => {
    expect(parseWitness(formatWitness(witness(1)))).toEqual(witness(1));
    expect(() => parseWitness(formatVkey(log))).toThrow(/type 04/);
    expect(() => parseWitness(formatWitness(witness(1)).replace("/w1", "/w2"))).toThrow(/does not belong/);
    expect(() => witnessOf("a b", key(1))).toThrow(/space or plus/);
  });
});

describe("policies (C2SP tlog-policy)", () => {
  const vkey = (n: number) => formatWitness(witness(n));
  /** The specification's example, with keys. */
  const POLICY = `# two organisations
log ${formatVkey(log)}
witness X1 ${vkey(1)}
witness X2 ${vkey(2)}  https://x2.example/
witness X3 ${vkey(3)}
group X-witnesses 2 X1 X2 X3
\twitness Y1 ${vkey(4)}
witness Y2 ${vkey(5)}
witness Y3 ${vkey(6)}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`;
  const judged = (text: string, ...by: readonly number[]) =>
    judgeCosigned(NOTE + by.map((n) => cosigned(n, 1679315147)).join(""), parsePolicyFile(text)).isEnough;

  it("need what their groups say", () => {
    expect(judged(POLICY, 1, 3, 5)).toBe(true);
    expect(judged(POLICY, 1, 2, 3)).toBe(false);
    expect(judged(POLICY, 1, 4, 5, 6)).toBe(false);
    expect(judged(POLICY, 1, 1, 4)).toBe(false);
    expect(judged("quorum none")).toBe(true);
    expect(judged(`witness w ${vkey(1)}\nquorum w`, 1)).toBe(true);
    expect(judged(`witness w ${vkey(1)}\nquorum w`, 2)).toBe(false);
    expect(parsePolicyFile(POLICY).logs).toEqual([log]);
  });
  it.each<readonly [string, string, RegExp]>([
    ["no quorum", `witness w ${vkey(1)}`, /no quorum/],
    ["two quorums", "quorum none\nquorum none", /line 2 .*a quorum already/],
    ["an unknown word", "witnes w x\nquorum none", /line 1 .*"witnes"/],
    ["a name that is defined later", `group g any w\nwitness w ${vkey(1)}\nquorum g`, /line 1 .*not defined before/],
    ["a name twice", `witness w ${vkey(1)}\nwitness w ${vkey(2)}\nquorum w`, /taken/],
    [
      "a key twice",
      `witness a ${vkey(1)}\nwitness b ${formatWitness(witness(1, "b"))}\nquorum a`,
      /key is listed twice/,
    ],
    ["the name none", `witness none ${vkey(1)}\nquorum none`, /taken/],
    ["a member in two groups", `witness w ${vkey(1)}\ngroup a any w\ngroup b any w\nquorum a`, /in a group already/],
    ["a threshold over its members", `witness w ${vkey(1)}\ngroup a 2 w\nquorum a`, /no threshold/],
    ["a group of nobody", "group a any\nquorum a", /no threshold/],
    ["a witness with a log's key", `witness w ${formatVkey(log)}\nquorum w`, /type 04/],
  ])("are refused with %s", (_, text, why) => {
    expect(() => parsePolicyFile(text)).toThrow(why);
  });
});
