import { expect, it } from "vitest";
import { Misconfigured } from "../../lib/core/errors.ts";
import type { Common, Notifier, NotifierVerbs, Telling } from "../../lib/core/notifier.ts";

export const telling = (over: Partial<Telling> = {}): Telling => ({
  key: "inc-0123456789abcdef:contained",
  moment: "contained",
  subject: "inc-0123456789abcdef",
  title: "Rekey contained: shop/orders",
  facts: ["Credentials: shop/orders", "Incident: inc-0123456789abcdef, refused"],
  next: ["rekey restore inc-0123456789abcdef"],
  incident: {
    id: "inc-0123456789abcdef",
    scenario: "exfiltrated",
    severity: 80,
    reason: "used from elsewhere",
    by: "playbook credential-exfiltrated",
  },
  ...over,
});

export const signal = AbortSignal.timeout(120_000);

export type World = {
  readonly verbs: NotifierVerbs;
  /** What whoever is told has heard, as text. */
  readonly heard: () => Promise<readonly string[]>;
  /** Has the other side fail for now, or refuse for good, or neither. */
  readonly be: (mood: "away" | "refusing" | "well") => void;
  /** What it is told of. */
  readonly moment?: Telling["moment"];
  readonly finding?: Telling["finding"];
};

/** What every notifier promises. */
export const notifierContract = (notifier: Notifier, open: () => Promise<World>) => {
  it("has an example of its own settings, and refuses what it does not know", () => {
    expect(notifier.settings.safeParse(notifier.example).success).toBe(true);
    expect(notifier.settings.safeParse({ ...notifier.example, channel: "#x" } as Common).success).toBe(false);
  });
  const ask = ({ moment, finding }: World) => telling({ moment: moment ?? "contained", ...(finding && { finding }) });

  it("tells, and is heard", async () => {
    const world = await open();
    expect(await world.verbs.tell(ask(world), signal)).toBe("told");
    expect((await world.heard()).length).toBeGreaterThan(0);
  });
  it("comes again where the other side is away, and does not where it is refused", async () => {
    const world = await open();
    world.be("away");
    await expect(world.verbs.tell(ask(world), signal)).rejects.not.toBeInstanceOf(Misconfigured);
    world.be("refusing");
    expect(await world.verbs.tell(ask(world), signal)).toMatchObject({ refused: expect.any(String) });
    world.be("well");
    expect(await world.verbs.tell(ask(world), signal)).toBe("told");
  });
};
