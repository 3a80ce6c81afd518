/** Adds days to a date and formats it. */
import { addDays, differenceInCalendarDays, formatISO, parseISO } from "npm:date-fns@4.4.0";

export default function main() {
  const start = parseISO("2024-02-27");
  const end = addDays(start, 3);
  return {
    end: formatISO(end, { representation: "date" }),
    days: differenceInCalendarDays(end, start),
  };
}
