/** A name as SQL writes it; any name is safe so. Source: postgresql.org/docs/current/sql-syntax-lexical.html, 4.1.1. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A string as SQL writes it, whatever `standard_conforming_strings` says (4.1.2.1 and 4.1.2.2). */
export const literal = (text: string): string => {
  const doubled = text.replaceAll("'", "''");
  return text.includes("\\") ? ` E'${doubled.replaceAll("\\", "\\\\")}'` : `'${doubled}'`;
};
