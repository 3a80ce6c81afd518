/** A name as user names have it: lower case, without accents, letters and digits alone. */
function plain(name: string): string {
  return name.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]/g, "");
}

/** User names for a person, the best first; they do not end. */
export function* candidates(givenName: string, familyName: string): Generator<string> {
  const [given, family] = [plain(givenName), plain(familyName)];
  const names = [given, family].filter((name) => name !== "");
  if (names.length === 0) throw new Error("The name has no letter from a to z");
  const whole = names.join(".");
  yield whole;
  if (names.length === 2) yield `${given.slice(0, 1)}${family}`;
  for (let number = 2;; number++) yield `${whole}${number}`;
}
