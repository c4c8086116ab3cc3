/** A channel wraps a queue's message that wraps a notification that wraps the body: deeper is not unwrapped. */
const DEEPEST = 5;

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const parsed = (text: unknown): unknown => {
  if (typeof text !== "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

const fromBase64 = (text: string): string => {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)));
  } catch {
    return text;
  }
};

/** A message of Lambda's batch from SQS, SNS or Kinesis (docs.aws.amazon.com/lambda/latest/dg/with-sqs.html and its like). */
const record = (given: unknown): unknown => {
  if (!isObject(given)) return given;
  const { Sns, kinesis, body, Body } = given;
  if (isObject(Sns)) return parsed(Sns["Message"]);
  if (isObject(kinesis) && typeof kinesis["data"] === "string") return parsed(fromBase64(kinesis["data"]));
  if (typeof body === "string") return parsed(body);
  return typeof Body === "string" ? parsed(Body) : given;
};

/** The body of an HTTP API's or function URL's request, or of one message of a queue: an object, else it is none. */
const requested = ({ body, Body, isBase64Encoded }: Fields): readonly unknown[] | undefined => {
  const text = typeof body === "string" ? body : Body;
  if (typeof text !== "string") return undefined;
  const inside = parsed(isBase64Encoded === true ? fromBase64(text) : text);
  return typeof inside === "object" && inside !== null ? [inside] : undefined;
};

/** What one layer holds; undefined when it is none. */
const layer = (given: unknown): readonly unknown[] | undefined => {
  if (Array.isArray(given)) return given;
  if (!isObject(given) || "detail-type" in given || "rekeyChannel" in given) return undefined;
  const batch = [given["Records"], given["Messages"]].find(Array.isArray);
  if (batch) return batch.map(record);
  const isNotification = given["Type"] === "Notification" && typeof given["Message"] === "string";
  return isNotification ? [parsed(given["Message"])] : requested(given);
};

/**
 * The detectors' bodies inside what carried them: lists, SQS and SNS and Kinesis batches, SNS notifications, HTTP API
 * and function URL requests. EventBridge events are left whole.
 */
export const unwrapped = (given: unknown, depth = 0): readonly unknown[] => {
  const inside = depth < DEEPEST ? layer(given) : undefined;
  return inside ? inside.flatMap((one) => unwrapped(one, depth + 1)) : [given];
};

const JWS = /^[\w-]+\.([\w-]+)\.[\w-]*$/;

/** The claims of a compact JWT, unverified; undefined when the text is none. */
export const claimsOf = (text: string): unknown => {
  const payload = JWS.exec(text.trim())?.[1];
  if (!payload) return undefined;
  const claims = parsed(fromBase64(payload.replaceAll("-", "+").replaceAll("_", "/")));
  return isObject(claims) ? claims : undefined;
};
