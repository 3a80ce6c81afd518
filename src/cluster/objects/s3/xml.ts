/**
 * The few elements of S3's answers that are needed. Their texts are keys, numbers, times and codes: none has a nested
 * element, and a text with another character than expected is no key of ours.
 */

/** An object in a list. */
export interface ListedObject {
  readonly key: string;
  readonly size: number;
  /** When it was stored, by the clock of S3. */
  readonly storedAt: Date;
}

/** Objects that S3 lists, and the time by its clock. */
export interface Listing {
  readonly objects: readonly ListedObject[];
  readonly time: Date;
}

/** One page of a list, of which more may follow. */
interface Page extends Listing {
  readonly isTruncated: boolean;
}

/** The text of the first element with that name; undefined without the element, and if it contains another one. */
export function textOf(xml: string, element: string): string | undefined {
  const start = `<${element}>`;
  const at = xml.indexOf(start);
  if (at === -1) return undefined;
  const end = xml.indexOf("<", at + start.length);
  const isClosed = end !== -1 && xml.startsWith(`</${element}>`, end);
  return isClosed ? xml.slice(at + start.length, end) : undefined;
}

/**
 * The contents of all elements with that name, in one pass: a hostile list must not hold the event loop.
 * @throws Error for an element without an end
 */
function* contentsOf(xml: string, element: string): Generator<string> {
  const [start, close] = [`<${element}>`, `</${element}>`];
  for (let at = xml.indexOf(start); at !== -1;) {
    const end = xml.indexOf(close, at);
    if (end === -1) throw new Error(`S3 answered with an element ${element} without an end`);
    yield xml.slice(at + start.length, end);
    at = xml.indexOf(start, end);
  }
}

/** @param date the header `Date` of the answer @throws Error for another answer than a list */
export function readListing(xml: string, date: string | null): Page {
  if (!xml.includes("<ListBucketResult")) throw new Error("S3 answered without a list of objects");
  const objects = [...contentsOf(xml, "Contents")].map((content) => {
    const key = textOf(content, "Key") ?? "";
    const size = Number(textOf(content, "Size"));
    const storedAt = new Date(textOf(content, "LastModified") ?? NaN);
    if (!Number.isSafeInteger(size) || Number.isNaN(storedAt.getTime())) {
      throw new Error(`S3 listed object ${JSON.stringify(key)} without its size or time`);
    }
    return { key, size, storedAt };
  });
  const isTruncated = textOf(xml, "IsTruncated") === "true";
  if (isTruncated && objects.length === 0) {
    throw new Error("S3 answered with a list that is cut before its first object");
  }
  const now = Date.parse(date ?? "");
  return {
    objects,
    time: new Date(Number.isNaN(now) ? Date.now() : now),
    isTruncated,
  };
}

/** An upload in parts that has not been completed. */
interface BegunUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly begunAt: Date;
}

/** The first uploads of a list, up to 1,000. An upload without a time counts as new. */
export function readUploads(xml: string): readonly BegunUpload[] {
  return [...contentsOf(xml, "Upload")].map((upload) => ({
    key: textOf(upload, "Key") ?? "",
    uploadId: textOf(upload, "UploadId") ?? "",
    begunAt: new Date(textOf(upload, "Initiated") ?? Date.now()),
  }));
}
