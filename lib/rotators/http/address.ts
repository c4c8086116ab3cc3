import wildcard from "wildcard-match";
import { Misconfigured } from "../../core/errors.ts";
import type { Description } from "./description.ts";
import type { Target } from "./schema.ts";

const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])$/;

const httpsOnly = (url: URL, tag: string) => {
  if (url.protocol === "https:" || LOOPBACK.test(url.hostname)) return url;
  throw new Misconfigured(`Tag rekey:${tag} is ${url.origin}. Use https: a key must not travel in the clear.`);
};

/**
 * Where a server of the provider is. Who may set a tag may not on that account send the admin credential anywhere:
 * a host that the description does not know has to stand in the admin secret's JSON as well, under the tag's name.
 */
export const addressOf = async (
  description: Description,
  name: string | undefined,
  target: Target,
  admin: () => Promise<unknown>,
): Promise<URL> => {
  const server = description.servers[name ?? Object.keys(description.servers)[0] ?? ""];
  if (!server) throw new Misconfigured(`Description of provider ${description.name} has no server ${name}.`);
  const told = target[server.tag];
  if (told === undefined) {
    if (server.url) return new URL(server.url);
    throw new Misconfigured(
      `Provider ${description.name} needs tag rekey:${server.tag}: the address of your own there.`,
    );
  }
  const url = httpsOnly(new URL(told), server.tag);
  const isKnown = server.hosts.some((pattern) => wildcard(pattern, { separator: false })(url.hostname));
  if (isKnown && url.protocol === "https:" && url.port === "") return url;
  const json = await admin();
  const confirmed = typeof json === "object" && json !== null && Reflect.get(json, server.tag) === told;
  if (confirmed) return url;
  throw new Misconfigured(
    `Tag rekey:${server.tag} is ${url.origin}, which is no address of provider ${description.name}'s. If it is yours, put "${server.tag}": "${told}" into admin secret ${target.admin} as well.`,
  );
};
