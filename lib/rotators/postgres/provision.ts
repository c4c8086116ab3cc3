import { identifier, literal } from "./quote.ts";

export type Provision = {
  /** Server's major version: the rights that rotate without reading data differ from 16 on. */
  readonly major: number;
  /** Holds objects and grants. Made when absent from the database; omit it for a single login that owns its own. */
  readonly owner?: string;
  /** May read what the owner has, by grants that you give it. Made when named: then a rescope has what to narrow to. */
  readonly reader?: string;
  /** With SCRAM verifiers where they are to work before the first rotation. */
  readonly logins: readonly { readonly name: string; readonly verifier?: string }[];
  readonly rotator: { readonly name: string; readonly verifier: string };
};

type Roles = { readonly owner: string | undefined; readonly reader: string | undefined };

const login = ({ owner, reader }: Roles, { name, verifier }: Provision["logins"][number]): readonly string[] => {
  const password = verifier === undefined ? "PASSWORD NULL" : `PASSWORD ${literal(verifier)}`;
  const made = `CREATE ROLE ${identifier(name)} LOGIN ${password}`;
  if (owner === undefined) return [made];
  return [
    // With a reader, the membership is the rotator's to give and take: `ownership` grants it.
    `${made} IN ROLE ${identifier(reader ?? owner)}`,
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

/** From 16 on a membership is taken back by whoever granted it: then that has to be the rotator. */
const ownership = ({
  major,
  owner,
  reader,
  rotator,
  logins,
}: Omit<Provision, "owner" | "reader"> & Roles): readonly string[] => {
  if (owner === undefined || reader === undefined) return [];
  const granted = `GRANT ${identifier(owner)} TO ${logins.map(({ name }) => identifier(name)).join(", ")}`;
  if (major < STRICT_SINCE) return [granted];
  return [
    `GRANT ${identifier(owner)} TO ${identifier(rotator.name)} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`,
    `${granted} GRANTED BY ${identifier(rotator.name)}`,
  ];
};

/**
 * The statements, in order, that prepare a database for the `postgres` rotator: an owner that cannot log in, its
 * logins, and the rotator's own role. To be run once, as an administrator. Holds verifiers, no clear text.
 */
export const provision = ({ major, owner, reader, logins, rotator }: Provision): readonly string[] => [
  ...[owner, reader].flatMap((role) => (role === undefined ? [] : [`CREATE ROLE ${identifier(role)} NOLOGIN`])),
  ...logins.flatMap((one) => login({ owner, reader }, one)),
  `CREATE ROLE ${identifier(rotator.name)} LOGIN PASSWORD ${literal(rotator.verifier)}`,
  ...rotatorGrants(
    major,
    rotator.name,
    logins.map(({ name }) => name),
  ),
  ...ownership({ major, owner, reader, logins, rotator }),
];
