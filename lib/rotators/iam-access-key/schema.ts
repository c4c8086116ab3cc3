import * as z from "zod/mini";

export const Target = z.object({ user: z.string().check(z.regex(/^[\w+=,.@-]{1,64}$/)) });
export const Material = z.looseObject({
  accessKeyId: z.string().check(z.regex(/^\w{16,128}$/)),
  secretAccessKey: z.string().check(z.minLength(16)),
  userName: z.optional(z.string()),
});
export type Target = z.infer<typeof Target>;
export type Material = z.infer<typeof Material>;
