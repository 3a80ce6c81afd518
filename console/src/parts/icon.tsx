/** Strokes of 16 x 16. */
const PATHS = {
  overview: "M2.5 13.5v-5h3v5m1.5 0v-11h3v11m1.5 0v-8h3v8",
  function: "M4 3.5 8.5 8 4 12.5M9 12.5h4",
  invocation: "M2 8h3l2-5 3 10 2-5h2",
  volume: "M2.5 4.5h4l1.5 2h5.5v6.5h-11z",
  deadLetter: "M2.5 4h11v8.5h-11zM2.5 4.5 8 9l5.5-4.5",
  access:
    "M6 2.8a2.4 2.4 0 1 1 0 4.8 2.4 2.4 0 0 1 0-4.8ZM1.8 13c.3-2.4 2-3.6 4.2-3.6s3.9 1.2 4.2 3.6M10.6 3.1a2.3 2.3 0 0 1 0 4.2m1.5 2.5c1.3.5 2.1 1.6 2.3 3.2",
  audit: "M3.5 2.5h9v11h-9zM6 5.5h4m-4 2.5h4m-4 2.5h2",
  usage: "M2.5 12a5.5 5.5 0 1 1 11 0M8 12l2.5-4",
  settings: "M2.5 4.5h7m3 0h1m-11 7h1m3 0h7M11 2.8v3.4M5 9.8v3.4",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9ZM10.4 10.4l3.4 3.4",
  close: "M4 4l8 8m0-8-8 8",
  check: "m3 8.5 3.2 3.2L13 4.5",
  chevron: "m6 4 4 4-4 4",
  down: "m4 6 4 4 4-4",
  menu: "M2.5 4.5h11m-11 3.5h11m-11 3.5h11",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  plus: "M8 3v10M3 8h10",
  upload: "M8 11V3.5M4.5 7 8 3.5 11.5 7M3 13h10",
  play: "M5 3.5v9l7-4.5z",
  copy: "M5.5 5.5h7v7h-7zM3.5 10.5v-7h7",
  file: "M4 2.5h5l3 3v8H4zM9 2.5v3h3",
  folder: "M2.5 4.5h4l1.5 2h5.5v6.5h-11z",
  trash: "M3 4.5h10M6 4.5V3h4v1.5m-5.5 0 .5 8.5h6l.5-8.5",
  theme: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
} as const;

export type IconName = keyof typeof PATHS;

/** An icon beside a text; it has no name of its own. */
export function Icon(
  { name, size = 16 }: { readonly name: IconName; readonly size?: number },
) {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
