import { identifier } from "../../core/identifier.ts";
import type { Identifier } from "../../core/types.ts";
import { digestOf } from "./bound.ts";

const KEY = /(?<![A-Z0-9])A(?:KIA|SIA)[A-Z2-7]{12,28}(?![A-Z0-9])/g;
const KEY_ID = /(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])/g;

/** What a leaked value may be called: an access key by its id, which is no secret; anything else by its SHA-256. The value goes no further. */
export const ofLeaked = (value: string | null | undefined): readonly Identifier[] => {
  if (!value) return [];
  const keys = [...new Set([...value.matchAll(KEY_ID), ...value.matchAll(KEY)].map(([key]) => key))];
  const named = keys.flatMap((key) => identifier("aws-key", key));
  return named.length > 0 ? named : identifier("leak", "sha256", digestOf(value));
};

/** A repository by its address, `https://host/owner/name` with whatever follows. */
export const ofRepository = (url: string | null | undefined, name?: string | null): readonly Identifier[] => {
  const [, host, path = ""] = /^https?:\/\/(?:[^/@]*@)?([a-z0-9.-]+)(?::\d+)?\/([^?#\s]*)/i.exec(url ?? "") ?? [];
  const full =
    name ??
    path
      .replace(/\.git$/, "")
      .split("/")
      .slice(0, 2)
      .join("/");
  return host ? identifier("repo", host.toLowerCase().replace(/^api\./, ""), full) : [];
};
