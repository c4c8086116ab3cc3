import { blocksOf, readPages, writeBlocks } from "./pages.ts";

// The page's rotator is put before the real contract suite by the page's own test.
const pages = await readPages();
const blocks = pages.filter(({ path }) => path.endsWith("write-a-rotator.md")).flatMap(blocksOf);
const files = await writeBlocks(
  "rotator",
  blocks.filter(({ language }) => language === "ts"),
);
const test = files.at(-1);
if (files.length !== 2 || !test) throw new Error("docs/how-to/write-a-rotator.md should show a rotator and its test");
await import(test);
