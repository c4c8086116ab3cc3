import type * as z from "zod/mini";
import type { Caller, Role } from "./roles.ts";
import type { ApiWorld } from "./world.ts";

type Schema = z.ZodMiniType;
type Out<S> = S extends Schema ? z.output<S> : undefined;

export type Asked<P = unknown, Q = unknown, B = unknown> = {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly caller: Caller;
  readonly roles: readonly Role[];
};

/** `etag`: what the answer follows from. Known before the answer is made, which then need not be. */
export type Reply<A> = {
  readonly answer: () => A | Promise<A>;
  readonly etag?: readonly (string | number)[];
  readonly status?: 200 | 201 | 202;
  readonly location?: string;
  /** Holds a credential: nobody on the way may keep it (RFC 9111, no-store). */
  readonly isCredential?: boolean;
};

type Shape = {
  /** Of the operation, as generated clients name it. */
  readonly id: string;
  readonly method: "get" | "post";
  /** As OpenAPI writes it. `{name*}` may hold slashes and comes last. */
  readonly path: string;
  readonly role: Role;
  /** Who they are cannot be proven as strongly by a token. */
  readonly only?: "iam";
  readonly title: string;
  readonly note?: string;
};

export type RouteOf<
  P extends Schema | undefined,
  Q extends Schema | undefined,
  B extends Schema | undefined,
  A,
> = Shape & {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Of the answer: what it does not name is not given. A media type instead, for what is no JSON. */
  readonly answers: A;
  readonly handle: (
    world: ApiWorld,
    asked: Asked<Out<P>, Out<Q>, Out<B>>,
  ) => Promise<Reply<A extends Schema ? z.input<A> : string | Uint8Array>>;
};

export type Route = Shape & {
  readonly params?: Schema;
  readonly query?: Schema;
  readonly body?: Schema;
  readonly answers: Schema | string;
  readonly handle: (world: ApiWorld, asked: Asked) => Promise<Reply<unknown>>;
};

/** One route: its schemas type its handler, and the document, the routing and the reference follow from it. */
export const defineRoute = <
  A extends Schema | string,
  P extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  B extends Schema | undefined = undefined,
>(
  route: RouteOf<P, Q, B, A>,
): Route => route as unknown as Route;
