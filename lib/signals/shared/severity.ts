/** Severity 0 to 100 of a detector's word for it; the words of all detectors here, in lower case. */
const WORDS: Readonly<Record<string, number>> = {
  emergency: 100,
  fatal: 100,
  alert: 95,
  critical: 90,
  error: 75,
  high: 75,
  warning: 50,
  medium: 50,
  moderate: 50,
  notice: 30,
  low: 30,
  informational: 10,
  information: 10,
  info: 10,
  debug: 5,
};

/** Undefined for a word that no detector is known to use. */
export const severityOf = (word: string | null | undefined): number | undefined => {
  const known = word?.trim().toLowerCase() ?? "";
  return Object.hasOwn(WORDS, known) ? WORDS[known] : undefined;
};

/** 0 to 100, whole. */
export const within = (severity: number): number => Math.max(0, Math.min(100, Math.round(severity)));
