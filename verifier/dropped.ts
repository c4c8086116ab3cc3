export type Named = readonly [path: string, file: File];

/** A file or folder as Chromium hands it out; TypeScript's DOM types do not have the way to it yet. */
type Handle = FileSystemFileHandle | FileSystemDirectoryHandle;
type WithHandle = DataTransferItem & { readonly getAsFileSystemHandle?: () => Promise<Handle | null> };

const walk = async (handle: Handle, folder: string): Promise<readonly Named[]> => {
  const path = `${folder}${handle.name}`;
  if (handle.kind === "file") return [[path, await (handle as FileSystemFileHandle).getFile()]];
  const found: Named[] = [];
  const inside = (handle as FileSystemDirectoryHandle & { readonly values: () => AsyncIterable<Handle> }).values();
  for await (const inner of inside) found.push(...(await walk(inner, `${path}/`)));
  return found;
};

/** A reader of a folder gives a part of it at a time, and none at its end. */
const entriesIn = async (folder: FileSystemDirectoryEntry): Promise<readonly FileSystemEntry[]> => {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return all;
    all.push(...part);
  }
};

const walkEntry = async (entry: FileSystemEntry): Promise<readonly Named[]> => {
  if (entry.isDirectory) {
    const found: Named[] = [];
    for (const inner of await entriesIn(entry as FileSystemDirectoryEntry)) found.push(...(await walkEntry(inner)));
    return found;
  }
  const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
  return [[entry.fullPath.slice(1), file]];
};

const filesOf = async (item: WithHandle): Promise<readonly Named[]> => {
  // Both before anything is awaited: an item is empty once the event is over.
  const handle = item.getAsFileSystemHandle?.();
  const entry = item.webkitGetAsEntry();
  // Chromium refuses entries to a page that was opened from disk (EncodingError), and gives handles.
  const found = await handle;
  if (found) return walk(found, "");
  return entry ? walkEntry(entry) : [];
};

/** All files of what was dropped, folders included. */
export const droppedFiles = async (items: Iterable<DataTransferItem>): Promise<readonly Named[]> =>
  (await Promise.all([...items].map(filesOf))).flat();

/** All files that were chosen: of a folder, by their path in it. */
export const chosenFiles = (files: FileList): readonly Named[] =>
  [...files].map((file) => [file.webkitRelativePath || file.name, file]);
