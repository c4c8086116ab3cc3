import * as z from "zod/mini";

/** Our own delayed messages; EventBridge events have no such fields. */
const HoldDue = z.object({ rekeyHold: z.string() });
const WakeDue = z.object({ rekeyWake: z.string() });
const ExpiryDue = z.object({ rekeyExpire: z.string() });

type Own = { readonly hold?: string; readonly wake?: string; readonly expire?: string };

/** Of our own messages: which incident is to be looked at or undone, or which proposal looked at. */
export const ownOf = (body: string): Own => {
  try {
    const own: unknown = JSON.parse(body);
    const [hold, wake, expiry] = [HoldDue.safeParse(own), WakeDue.safeParse(own), ExpiryDue.safeParse(own)];
    if (hold.success) return { hold: hold.data.rekeyHold };
    if (expiry.success) return { expire: expiry.data.rekeyExpire };
    return wake.success ? { wake: wake.data.rekeyWake } : {};
  } catch {
    return {};
  }
};
