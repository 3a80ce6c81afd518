/** Reckons in time zones and locales, which the runtime knows all of. */
import { DateTime, Interval } from "npm:luxon@3.7.2";

export default function main() {
  const moment = DateTime.fromISO("2024-03-31T01:30:00", { zone: "Europe/Berlin" });
  return {
    hours: Interval.fromDateTimes(moment, moment.plus({ days: 1 })).length("hours"),
    german: moment.setLocale("de").toLocaleString(DateTime.DATE_FULL),
  };
}
