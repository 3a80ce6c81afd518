/**
 * A version of npm as one of Debian, which sorts a prerelease before its release for `~` alone.
 * @param version of `package.json`, such as 1.0.0-rc.1
 */
export function debianVersion(version: string): string {
  return version.replaceAll("-", "~");
}
