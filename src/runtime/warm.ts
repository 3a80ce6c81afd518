/**
 * Deno loads parts of itself on first use, which takes up to tens of milliseconds. A waiting process has that time, so it
 * uses once what the script names. A wrong guess only costs time.
 */
const PARTS: readonly (readonly [RegExp, () => unknown])[] = [
  [/\bsetTimeout\b|\bsetInterval\b/, () => clearTimeout(setTimeout(() => {}))],
  [/\bsetInterval\b/, () => clearInterval(setInterval(() => {}))],
  [/\bfetch\b|\bHeaders\b/, () => new Headers()],
  [/\bfetch\b|\bResponse\b/, () => new Response("")],
  [/\bfetch\b|\bRequest\b/, () => new Request("http://localhost/")],
  [/\bReadableStream\b/, () => new ReadableStream()],
  [/\bFormData\b/, () => new FormData()],
  [/\bBlob\b/, () => new Blob([])],
  [/\bCompressionStream\b/, () => new CompressionStream("gzip")],
  [/\bDateTimeFormat\b|\btoLocale(?:Date|Time)?String\b/, () => new Date(0).toLocaleString()],
  [/\bNumberFormat\b|\btoLocaleString\b/, () => (0).toLocaleString()],
  [/\blocaleCompare\b|\bCollator\b/, () => "a".localeCompare("b")],
  [/\batob\b|\bbtoa\b/, () => atob("")],
  [/\bBuffer\b/, () => Buffer.from("")],
  [/\bsetImmediate\b/, () => clearImmediate(setImmediate(() => {}))],
];

/** Uses once every global that the text names. Runs before user code. */
export function warmGlobals(text: string): void {
  for (const [word, use] of PARTS) {
    if (word.test(text)) use();
  }
}
