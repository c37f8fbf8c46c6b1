/**
 * The types of files by the endings of their names. A file's content never decides: it could be a program, which the
 * app for its type would run. So no type of program is among them.
 */

import { extname } from "@std/path";
import { inputError, type UserError } from "../../base/errors.ts";

const types: Readonly<Record<string, string>> = {
  "application/epub+zip": "epub",
  "application/msword": "doc",
  "application/pdf": "pdf",
  "application/rtf": "rtf",
  "application/vnd.ms-excel": "xls",
  "application/vnd.ms-powerpoint": "ppt",
  "application/vnd.oasis.opendocument.graphics": "odg",
  "application/vnd.oasis.opendocument.presentation": "odp",
  "application/vnd.oasis.opendocument.spreadsheet": "ods",
  "application/vnd.oasis.opendocument.text": "odt",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
  "application/x-7z-compressed": "7z",
  "application/x-tar": "tar",
  "application/zip": "zip",
  "audio/flac": "flac",
  "audio/mp4": "m4a",
  "audio/mpeg": "mp3",
  "audio/ogg": "oga ogg opus",
  "audio/x-wav": "wav",
  "image/avif": "avif",
  "image/bmp": "bmp",
  "image/gif": "gif",
  "image/heif": "heic heif",
  "image/jpeg": "jpeg jpg",
  "image/png": "png",
  "image/svg+xml": "svg",
  "image/tiff": "tif tiff",
  "image/vnd.djvu": "djvu",
  "image/webp": "webp",
  "message/rfc822": "eml",
  "text/calendar": "ics",
  "text/csv": "csv",
  "text/html": "htm html",
  "text/markdown": "md",
  "text/plain": "log txt",
  "text/vcard": "vcf",
  "video/mp4": "mp4",
  "video/mpeg": "mpeg mpg",
  "video/quicktime": "mov",
  "video/webm": "webm",
  "video/x-matroska": "mkv",
  "video/x-msvideo": "avi",
};

/** The type of a file of this name; undefined for a name that tells none. */
export function typeOf(name: string): string | undefined {
  const end = extname(name).slice(1).toLowerCase();
  return Object.keys(types).find((type) => end !== "" && types[type]!.split(" ").includes(end));
}

/** The error for a file whose name tells no type: exit code 2. */
export function noType(): UserError {
  return inputError(
    "A file's name does not have the ending of a document, picture, sound, film or archive",
    "Containers open no others: save it on this host, or lend it by map.ts and choose an app",
  );
}
