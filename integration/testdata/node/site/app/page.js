import { headers } from "next/headers";

export default async function Page() {
  const asked = (await headers()).get("host") !== null;
  return <p>Hello from Next.js, rendered {asked ? "when asked" : "beforehand"}.</p>;
}
