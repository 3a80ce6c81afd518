/** Shows a moment in another time zone, and a duration in words; CommonJS plugins. */
import dayjs from "npm:dayjs@1.11.23";
import relativeTime from "npm:dayjs@1.11.23/plugin/relativeTime.js";
import timezone from "npm:dayjs@1.11.23/plugin/timezone.js";
import utc from "npm:dayjs@1.11.23/plugin/utc.js";

dayjs.extend(utc);
dayjs.extend(timezone);
dayjs.extend(relativeTime);

export default function main() {
  const moment = dayjs.utc("2024-07-01T12:00:00Z");
  return {
    tokyo: moment.tz("Asia/Tokyo").format("YYYY-MM-DD HH:mm"),
    ago: moment.from(moment.add(3, "day")),
  };
}
