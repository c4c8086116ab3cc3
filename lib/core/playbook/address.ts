import ipaddr from "ipaddr.js";

type Address = ReturnType<typeof ipaddr.process>;
type Range = ReturnType<typeof ipaddr.parseCIDR>;

/** Whether a text is a CIDR block of either family. */
export const isRange = (text: string): boolean => ipaddr.isValidCIDR(text);

const isIn = (address: Address, [network, bits]: Range) =>
  address.kind() === network.kind() && address.match(network, bits);

/** IPv6 forms of an IPv4 address are that address: `::ffff:192.0.2.1`. What is no address is left out. */
const addressesIn = (texts: readonly string[]): readonly Address[] =>
  texts.filter((text) => ipaddr.isValid(text)).map((text) => ipaddr.process(text));

/** Whether some of these addresses is in some of these CIDR blocks; undefined where none of the texts is an address. */
export const within = (texts: readonly string[], blocks: readonly string[]): boolean | undefined => {
  const addresses = addressesIn(texts);
  const ranges = blocks.map((block) => ipaddr.parseCIDR(block));
  return addresses.length === 0 ? undefined : addresses.some((one) => ranges.some((range) => isIn(one, range)));
};
