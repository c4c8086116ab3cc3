import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify, type RemoteJWKSet } from "jose";
import type { TokenChannel } from "../core/ingest-channel.ts";
import type { Instant } from "../core/types.ts";

/** Signatures by a key pair only: a secret that both sides know would let a receiver write tokens. */
const ALGORITHMS = [
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
  "PS256",
  "PS384",
  "PS512",
  "RS256",
  "RS384",
  "RS512",
];
const SKEW_S = 60;
const JWKS_TIMEOUT_MS = 3_000;

type Verdict =
  | { readonly claims: JWTPayload }
  | {
      readonly err: "invalid_request" | "invalid_key" | "invalid_issuer" | "invalid_audience" | "authentication_failed";
    };

const ofClaim = (claim: string): Verdict => {
  if (claim === "iss") return { err: "invalid_issuer" };
  return { err: claim === "aud" ? "invalid_audience" : "invalid_request" };
};

const { JWKSNoMatchingKey, JWKSMultipleMatchingKeys, JOSEAlgNotAllowed, JOSENotSupported } = errors;
const KEY_ERRORS = [JWKSNoMatchingKey, JWKSMultipleMatchingKeys, JOSEAlgNotAllowed, JOSENotSupported];
const FORM_ERRORS = [errors.JWTExpired, errors.JWTInvalid, errors.JWSInvalid];

/** RFC 8935's error for what jose found. Rethrows the rest: that the keys could not be had says nothing of the token. */
const refusal = (error: unknown): Verdict => {
  if (error instanceof errors.JWTClaimValidationFailed) return ofClaim(error.claim);
  if (error instanceof errors.JWSSignatureVerificationFailed) return { err: "authentication_failed" };
  if (KEY_ERRORS.some((Kind) => error instanceof Kind)) return { err: "invalid_key" };
  if (FORM_ERRORS.some((Kind) => error instanceof Kind)) return { err: "invalid_request" };
  throw error;
};

const isEvent = ({ jti, events }: JWTPayload): boolean =>
  typeof jti === "string" && jti !== "" && typeof events === "object" && events !== null && !Array.isArray(events);

/**
 * Reads security event tokens (RFC 8417): typed as such, signed by a key of the transmitter's, of the channel's issuer
 * for its audience, not older than the channel allows. Throws when the transmitter's keys cannot be had.
 */
export const tokenReader = () => {
  const sets = new Map<string, RemoteJWKSet>();
  const keysOf = (jwks: string): RemoteJWKSet => {
    const set = sets.get(jwks) ?? createRemoteJWKSet(new URL(jwks), { timeoutDuration: JWKS_TIMEOUT_MS });
    sets.set(jwks, set);
    return set;
  };
  return async (channel: TokenChannel, token: string, now: Instant): Promise<Verdict> => {
    const { issuer, audience, maxAgeSeconds, jwks } = channel;
    try {
      const { payload } = await jwtVerify(token, keysOf(jwks), {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        // Without it an ID token of the same issuer would pass (RFC 8417, sections 2.3 and 4.8).
        typ: "secevent+jwt",
        currentDate: new Date(now),
        maxTokenAge: maxAgeSeconds,
        clockTolerance: SKEW_S,
        requiredClaims: ["jti", "iat", "events"],
      });
      return isEvent(payload) ? { claims: payload } : { err: "invalid_request" };
    } catch (error) {
      return refusal(error);
    }
  };
};
