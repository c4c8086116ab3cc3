import { Misconfigured, Unusable } from "../../core/errors.ts";
import { secret } from "../../core/secret.ts";
import type { Deps, RotatorVerbs } from "../../core/types.ts";
import { changeObject, type Place } from "../shared/object.ts";
import {
  type Authority,
  authorityOf,
  certify,
  endOf,
  type List,
  type Listed,
  readList,
  serialOf,
  writeList,
} from "./authority.ts";
import { present } from "./handshake.ts";
import type { Material, Target } from "./schema.ts";

type Attempt = { readonly target: Target; readonly signal: AbortSignal };

const placeOf = ({ crl, reload }: Target): Place => ({
  path: crl,
  tag: "crl",
  bucketsNamed: "<prefix>-crl-…",
  contentType: "application/x-pem-file",
  maxAge: Number(reload),
});
const NONE: List = { entries: [], nextUpdate: 0 };

type Change = (list: List) => readonly Listed[] | undefined;

/** Signs the list anew with other entries; undefined leaves it. */
const changeList = async (deps: Deps, { target, signal }: Attempt, change: Change): Promise<void> => {
  const authority = await authorityOf(deps, target);
  await changeObject(deps, { place: placeOf(target), signal }, async (text) => {
    const entries = change(text === undefined ? NONE : await readList(text, target, authority));
    return entries && writeList(deps, { target, authority }, entries);
  });
};

/** Long enough for one handshake, too short to be worth stealing. */
const CONTROL_MS = 300_000;

/**
 * A server that turns a certificate away without saying that it is revoked means this one if, at the same moment, it
 * lets in another of the same subject that nobody has revoked.
 */
const isOnlyThis = async (deps: Deps, { target, signal }: Attempt, authority: Authority): Promise<boolean> => {
  const control = await certify(deps, { target, authority, lifeMs: CONTROL_MS });
  return (await present(target, control, signal)) === "accepted";
};

const verify = async (deps: Deps, attempt: Attempt, material: Material): Promise<void> => {
  const { target, signal } = attempt;
  // The authority's own certificate vouches for the server; what the material holds may have been written by anyone.
  const authority = await authorityOf(deps, target);
  const shown = { ...material, ca: authority.certificate.toString("pem") };
  const outcome = await present(target, shown, signal);
  if (outcome === "accepted") return;
  const { endpoint, subject } = target;
  const what = `certificate ${serialOf(material)} of ${subject}`;
  if (outcome === "revoked") throw new Unusable(`${endpoint} says by TLS alert that ${what} is revoked.`);
  if (await isOnlyThis(deps, attempt, authority)) {
    throw new Unusable(`${endpoint} turns away ${what}, and lets in another of the same subject.`);
  }
  throw new Misconfigured(
    `${endpoint} turns away every certificate of ${subject}, a fresh one too. Look into its log: it may have no list, one that has run out, or another authority.`,
  );
};

type Verbs = RotatorVerbs<Target, Material> & Required<Pick<RotatorVerbs<Target, Material>, "restore">>;

/** The verbs themselves; they bring the S3 client and the X.509 library. */
export const connect = (deps: Deps): Verbs => ({
  async issue({ target, current }) {
    const made = await certify(deps, { target, authority: await authorityOf(deps, target) });
    return secret({ ...current?.reveal(), ...made });
  },

  /** The authority's signature is all that a server asks for; what is renewed is the list, so that it does not run out. */
  async install({ next: _, current: __, ...attempt }) {
    await changeList(deps, attempt, ({ entries, nextUpdate }) => {
      const left = nextUpdate - Date.parse(deps.clock.now());
      return left > Number(attempt.target.days) * 2 * 86_400_000 ? undefined : entries;
    });
  },

  verify: ({ material, ...attempt }) => verify(deps, attempt, material.reveal()),

  async revoke({ material, keep, ...attempt }) {
    const serial = serialOf(material.reveal());
    const settlesInMs = Number(attempt.target.reload) * 1_000;
    const done = { undo: { serial }, sessionsEnded: 0, settlesInMs };
    if (keep.some((kept) => serialOf(kept.reveal()) === serial)) return done;
    const at = new Date(deps.clock.now());
    await changeList(deps, attempt, ({ entries }) =>
      entries.some((entry) => entry.serial === serial) ? undefined : [...entries, { serial, at }],
    );
    return done;
  },

  async restore({ material, undo: _, ...attempt }) {
    const serial = serialOf(material.reveal());
    if (endOf(material.reveal()) <= Date.parse(deps.clock.now())) {
      throw new Misconfigured(`Certificate ${serial} of ${attempt.target.subject} has expired. Rotate instead.`);
    }
    await changeList(deps, attempt, ({ entries }) => {
      const others = entries.filter((entry) => entry.serial !== serial);
      return others.length === entries.length ? undefined : others;
    });
  },
});
