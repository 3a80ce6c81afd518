const ID = "[0-9A-Za-z]{27}";
const PAGES = [
  "",
  ...["sign-in", "welcome", "settings", "device", "dead-letters", "usage"],
  ...["invocations", `invocations/${ID}`],
  ...["volumes", `volumes/${ID}`],
  ...["functions", "functions/new", `functions/${ID}`],
  `functions/${ID}/(?:tests|history|triggers|settings)`,
  ...["access", "access/roles", "access/federation", "audit", "audit/exports"],
  ...["access/people", `access/people/${ID}`],
  ...["access/principals", `access/principals/${ID}`],
];
/**
 * Paths of the console's pages. All of them are one file, which shows the page of its path. Whether an id
 * exists is for the page to say: an anonymous request learns nothing of ids.
 */
const PAGE = new RegExp(`^/(?:${PAGES.join("|")})/?$`);

/** Whether a path is that of a page of the console. */
export function isConsolePage(path: string): boolean {
  return PAGE.test(path);
}
