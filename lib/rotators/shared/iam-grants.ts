import type { Grant } from "../../core/types.ts";

/** Tag of a user, outside `/rekey/`, whose credentials Rekey may manage. */
export const MANAGED = "rekey:managed";

/** These actions on users under `/rekey/`, and on those elsewhere that carry the tag; `only` narrows both. */
export const onManagedUsers = (
  actions: readonly string[],
  only: NonNullable<Grant["conditions"]> = {},
): readonly Grant[] => [
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: filled in at deploy
  {
    actions,
    resources: ["arn:${partition}:iam::${account}:user/rekey/*"],
    ...(Object.keys(only).length > 0 && { conditions: only }),
  },
  {
    actions,
    resources: ["arn:${partition}:iam::${account}:user/*"],
    conditions: { ...only, StringEquals: { [`aws:ResourceTag/${MANAGED}`]: "true" } },
  },
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: filled in at deploy
];
