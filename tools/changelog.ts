/** `CHANGELOG.md`: its versions, and how they read as Debian's changelog (deb-changelog(5)). */

/** What one version has brought. */
export interface Release {
  /** As `0.1.0`. */
  version: string;
  /** As `2025-12-31`. */
  date: string;
  /** The items under the headings `Added`, `Fixed` and the like, each as one line with its heading in front. */
  changes: string[];
}

/** The released versions of a changelog in the form of Keep a Changelog, in their order: the newest is the first. */
export function releasesOf(markdown: string): Release[] {
  return markdown.split(/^## /m).slice(1).flatMap((section) => {
    const [, version, date] = /^\[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})\n/.exec(section) ?? [];
    if (version === undefined) return [];
    const changes = section.split(/^### /m).slice(1).flatMap((part) => {
      const kind = part.slice(0, part.indexOf("\n"));
      return part.split(/^- /m).slice(1).map((item) => `${kind}: ${item.trim().replace(/\s+/g, " ")}`);
    });
    return [{ version, date: date!, changes }];
  });
}

/** When a release was made, in seconds since 1970: the start of its day. */
export function releaseTime({ date }: Release): number {
  return Date.parse(`${date}T00:00:00Z`) / 1000;
}

/** The longest line of Debian's changelogs, by lintian. */
const longestLine = 80;

function wrapped(text: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = `${lines.at(-1)} ${word}`.trimStart();
    if (lines.at(-1) === "" || line.length + 4 <= longestLine) lines[lines.length - 1] = line;
    else lines.push(word);
  }
  return `  * ${lines.join("\n    ")}`;
}

/** The changelog of a Debian package. */
export function debianChangelog(name: string, releases: readonly Release[], maintainer: string): string {
  return releases.map((release) => {
    const date = new Date(releaseTime(release) * 1000).toUTCString().replace("GMT", "+0000");
    return [
      `${name} (${release.version}) unstable; urgency=medium`,
      "",
      ...release.changes.map(wrapped),
      "",
      ` -- ${maintainer}  ${date}`,
      "",
    ].join("\n");
  }).join("\n");
}
