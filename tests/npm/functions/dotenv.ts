/** Looks for a file of settings that is not there, and reads variables that nobody set. */
import dotenv from "npm:dotenv@17.2.3";

export default function main() {
  return {
    file: dotenv.config({ quiet: true }).error?.code,
    parsed: dotenv.parse("A=1 # one"),
    home: process.env.HOME ?? "none",
    own: Object.keys(process.env),
  };
}
