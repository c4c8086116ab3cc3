import type { Account, Wanted } from "./accounts.ts";
import type { Client } from "./connect.ts";

/** What the two servers do differently. */
export type Dialect = {
  readonly name: "MariaDB" | "MySQL";
  /** The one way in that Rekey keeps. */
  readonly plugin: string;
  /** Of ALTER USER: makes an account of another way in one of that plugin. */
  readonly convert: string;
  /** Rights of the rotator's account on `*.*`, and the tables it has to read. */
  readonly rights: readonly string[];
  readonly tables: readonly string[];
  readonly look: (client: Client, user: string) => Promise<readonly Account[]>;
  readonly write: (client: Client, wanted: readonly Wanted[]) => Promise<void>;
  readonly remark: (client: Client, wanted: readonly Wanted[]) => Promise<void>;
  /** Answers at, uptime, connections and timeout: lib/rotators/mysql/server.ts. */
  readonly moment: string;
  /** Ids of the login's sessions; its name twice where two views are asked, else once. */
  readonly sessions: Asked;
  /** The same with what names them. */
  readonly named: Asked;
  /** The same as far as it is known without rights to the performance schema's own tables. */
  readonly fewer: Asked;
  /** Ids of handshakes whose client has not proved anything yet, where `sessions` does not list them by login. */
  readonly halfOpen?: string;
  /** Makes the server forget proofs that it keeps of the login's passwords, where it keeps any. */
  readonly forget?: (client: Client, user: string) => Promise<void>;
  /**
   * Answers statements that give what SHOW GRANTS leaves out of an account, `{account}` in place of its name; asked with
   * user and host, three times.
   */
  readonly traits?: string;
  /** Answers version, isReadOnly, hasSchema, me and cipher: lib/rotators/mysql/inspect.ts. */
  readonly server: string;
};
export type Asked = { readonly sql: string; readonly names: 1 | 2 };
