import { identifier, literal } from "./quote.ts";

export type Provision = {
  /** Server's major version: the rights that rotate without reading data differ from 16 on. */
  readonly major: number;
  /** Holds objects and grants. Made when absent from the database; omit it for a single login that owns its own. */
  readonly owner?: string;
  /** With SCRAM verifiers where they are to work before the first rotation. */
  readonly logins: readonly { readonly name: string; readonly verifier?: string }[];
  readonly rotator: { readonly name: string; readonly verifier: string };
};

const login = (owner: string | undefined, { name, verifier }: Provision["logins"][number]): readonly string[] => {
  const password = verifier === undefined ? "PASSWORD NULL" : `PASSWORD ${literal(verifier)}`;
  const made = `CREATE ROLE ${identifier(name)} LOGIN ${password}`;
  if (owner === undefined) return [made];
  return [
    `${made} IN ROLE ${identifier(owner)}`,
    // Whichever login the workload holds, what it creates belongs to the owner: both read and alter all of it.
    `ALTER ROLE ${identifier(name)} SET role = ${literal(owner)}`,
  ];
};

/** First major version in which CREATEROLE alone may not change roles it has no ADMIN option on. */
const STRICT_SINCE = 16;

/** What a role needs to rotate, revoke and restore these logins, and nothing that reads data. */
const rotatorGrants = (major: number, rotator: string, logins: readonly string[]): readonly string[] => [
  `ALTER ROLE ${identifier(rotator)} CREATEROLE`,
  `GRANT pg_signal_backend, pg_read_all_stats TO ${identifier(rotator)}`,
  ...(major < STRICT_SINCE
    ? []
    : [
        `GRANT ${logins.map(identifier).join(", ")} TO ${identifier(rotator)} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`,
      ]),
];

/**
 * The statements, in order, that prepare a database for the `postgres` rotator: an owner that cannot log in, its
 * logins, and the rotator's own role. To be run once, as an administrator. Holds verifiers, no clear text.
 */
export const provision = ({ major, owner, logins, rotator }: Provision): readonly string[] => [
  ...(owner === undefined ? [] : [`CREATE ROLE ${identifier(owner)} NOLOGIN`]),
  ...logins.flatMap((one) => login(owner, one)),
  `CREATE ROLE ${identifier(rotator.name)} LOGIN PASSWORD ${literal(rotator.verifier)}`,
  ...rotatorGrants(
    major,
    rotator.name,
    logins.map(({ name }) => name),
  ),
];
