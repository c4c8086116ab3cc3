import * as z from "zod/mini";

const text = z.nullish(z.string());
const number = z.nullish(z.number());
const time = z.nullish(z.union([z.string(), z.number()]));
const part = <S extends z.ZodMiniType>(schema: S) => z.catch(z.nullish(schema), null);
/** Of a list too: one element that is not as documented takes none of the others with it. */
const list = <S extends z.ZodMiniType>(one: S) =>
  part(
    z.pipe(
      z.array(part(one)),
      z.transform((all) => all.filter((each) => each !== null && each !== undefined)),
    ),
  );

// Functions: what is built only for its first event costs no cold start.
const account = () => part(z.object({ uid: text }));
const User = () => z.object({ uid: text, name: text, type: text, credential_uid: text, account: account() });
const Session = () => z.object({ uid: text, issuer: text, credential_uid: text });
const Container = () =>
  z.object({ uid: text, name: text, pod_uuid: text, image: part(z.object({ name: text, uid: text })) });
const Process = () =>
  z.object({
    name: text,
    uid: text,
    file: part(z.object({ path: text })),
    container: part(Container()),
  });
const Endpoint = () => z.object({ ip: text, autonomous_system: part(z.object({ number })), svc_name: text });

const Evidence = () =>
  z.object({
    actor: part(z.object({ user: part(User()), session: part(Session()), process: part(Process()) })),
    api: part(z.object({ operation: text, service: part(z.object({ name: text })) })),
    src_endpoint: part(Endpoint()),
    dst_endpoint: part(Endpoint()),
    process: part(Process()),
    container: part(Container()),
  });

const Resource = () =>
  z.object({
    type: text,
    uid: text,
    name: text,
    region: text,
    owner: part(z.object({ account: account() })),
    data: part(z.record(z.string(), z.unknown())),
  });

/** schema.ocsf.io/classes/detection_finding, 1.1 to 1.9; what Security Hub fills of it. */
export const DetectionFinding = () =>
  z.object({
    class_uid: z.literal(2004),
    activity_id: number,
    status_id: number,
    status: text,
    severity_id: number,
    severity: text,
    vendor_attributes: part(z.object({ severity_id: number, severity: text })),
    count: number,
    time,
    time_dt: text,
    message: text,
    cloud: part(z.object({ account: account(), region: text })),
    finding_info: z.object({
      uid: z.string().check(z.minLength(1), z.maxLength(1024)),
      title: text,
      desc: text,
      types: list(z.string()),
      first_seen_time: time,
      first_seen_time_dt: text,
      last_seen_time: time,
      last_seen_time_dt: text,
      modified_time: time,
      modified_time_dt: text,
      created_time: time,
      created_time_dt: text,
    }),
    metadata: part(
      z.object({ uid: text, version: text, event_code: text, product: part(z.object({ name: text, uid: text })) }),
    ),
    resources: list(Resource()),
    evidences: list(Evidence()),
  });
export type DetectionFinding = z.infer<ReturnType<typeof DetectionFinding>>;
export type Resource = z.infer<ReturnType<typeof Resource>>;
export type Evidence = z.infer<ReturnType<typeof Evidence>>;
