import { describe, expect, it } from "vitest";
import { toBytes } from "../../../lib/core/ledger/bytes.ts";
import { decodeEntry, encodeEntry, parseEvent } from "../../../lib/core/ledger/entry.ts";
import { Malformed, Unrecordable } from "../../../lib/core/ledger/errors.ts";
import type { Instant } from "../../../lib/core/types.ts";
import { memoryClock } from "../../../lib/memory/clock.ts";
import { ledgerTable, memoryInbox, memoryLedger } from "../../../lib/memory/ledger.ts";
import { inboxContract } from "../../contract/inbox.ts";
import { eventOf, ledgerContract } from "../../contract/ledger.ts";

const receipt = { seq: 7, receivedAt: "2026-11-23T04:00:01.000Z" as Instant };
const event = eventOf("arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders", 1, { reason: "due" });

describe("entries", () => {
  it("are CloudEvents 1.0 with flat, lower-case attributes, in canonical JSON", () => {
    expect(encodeEntry(event, receipt)).toBe(
      '{"actor":"clock","actorkind":"schedule","data":{"kind":"postgres","version":"v1"},"datacontenttype":"application/json",' +
        '"id":"rotation.started:1","reason":"due","receivedat":"2026-11-23T04:00:01.000Z","seq":7,' +
        '"source":"/rekey/streams/arn%3Aaws%3Asecretsmanager%3Aeu-west-1%3A111122223333%3Asecret%3Aorders",' +
        '"specversion":"1.0","subject":"arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders",' +
        '"time":"2026-11-23T04:00:00.000Z","type":"io.rekey.rotation.started.v1"}',
    );
    expect(decodeEntry(toBytes(encodeEntry(event, receipt)))).toEqual({ ...event, ...receipt });
  });
  it.each([
    ["an empty id", { id: "" }, "id"],
    ["a huge id", { id: "x".repeat(1001) }, "id"],
    ["half a pair in the stream", { stream: "a\ud800" }, "stream"],
    ["a type of another shape", { type: "Rotation Started" }, "type"],
    ["a local time", { at: "2026-11-23 04:00" }, "at"],
    ["a field of no meaning", { password: "canary" }, "its fields"],
    ["data that its type does not name", { data: { kind: "postgres", password: "canary" } }, "has no field password"],
    ["data named as what every object has", { data: { toString: "canary" } }, "has no field toString"],
    ["a type of nobody's", { type: "rotation.dreamt" }, "no type rotation.dreamt"],
    ["a type named as what every object has", { type: "constructor.name" }, "no type constructor.name"],
    ["an actor of no kind", { actor: { kind: "martian", principal: "x" } }, "actor.kind"],
  ])("are not made of an event with %s", (_, over, where) => {
    const attempt = () => encodeEntry({ ...event, ...over } as never, receipt);
    expect(attempt).toThrow(Unrecordable);
    expect(attempt).toThrow(where);
    expect(attempt).not.toThrow(/canary/);
  });
  it.each(["reason", "why", "error", "ticket", "ref"])(
    "have no secret in a %s of one word, nor deep inside",
    (field) => {
      const token = `glpat-${"c4Nary".repeat(4)}`;
      const text = encodeEntry({ ...event, data: { version: [{ [field]: token }] } } as never, receipt);
      expect(text).toContain(`{"${field}":"[secret]"}`);
    },
  );
  it("leave words alone that look random, being ids and digests", () => {
    const data = { version: "Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9v", kind: "prod/sk-billing-service-key" };
    expect(decodeEntry(toBytes(encodeEntry({ ...event, data } as never, receipt))).data).toEqual(data);
  });
  it.each(["", "{", "[]", "{}", '{"specversion":"1.0"}', "\ufeff{}"])("are not read from %j", (text) => {
    expect(() => decodeEntry(toBytes(text))).toThrow(Malformed);
  });
  it("are not read from bytes that are no UTF-8", () => {
    expect(() => decodeEntry(Uint8Array.of(0xff, 0xfe))).toThrow(Malformed);
  });
});

describe("spooled messages", () => {
  it("give back the event", () => expect(parseEvent(JSON.stringify(event))).toEqual(event));
  it.each(["", "canary", "null", '"canary"', '{"id":"e1","secret":"canary"}'])(
    "refuse %j and keep it to themselves",
    (body) => {
      expect(() => parseEvent(body)).toThrow(Unrecordable);
      expect(() => parseEvent(body)).not.toThrow(/canary/);
    },
  );
});

describe("what waits in memory", () => {
  inboxContract(() => {
    const table = ledgerTable();
    const clock = memoryClock("2026-11-23T04:00:00.000Z");
    return { ledger: memoryLedger({ clock, table }), inbox: memoryInbox(table) };
  });
});

describe("the ledger in memory", () => {
  ledgerContract(() => memoryLedger({ clock: memoryClock("2026-11-23T04:00:00.000Z") }));
});
