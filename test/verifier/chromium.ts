import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import chromium, { inflate } from "@sparticuz/chromium";
import { type Browser, chromium as playwright } from "playwright-core";

/** The libraries that it needs and a bare machine lacks (NSS, NSPR) come with it too. */
const libraries = async (): Promise<string> => {
  await inflate(fileURLToPath(new URL("../bin/al2023.tar.br", import.meta.resolve("@sparticuz/chromium"))));
  return join(tmpdir(), "al2023", "lib");
};

/** A Chromium that comes with `npm ci`, which is made to ask nobody for anything. */
export const startChromium = async (): Promise<Browser> =>
  playwright.launch({
    executablePath: await chromium.executablePath(),
    env: { HOME: tmpdir(), LD_LIBRARY_PATH: await libraries() },
    headless: true,
    args: [
      "--headless=shell",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
