package main

import (
	"path"
	"strings"
)

// types are media types by the end of a name (IANA media types; WHATWG mimesniff for JavaScript): a table of our own, as a run
// image has none
// and other machines' differ.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
	".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".cjs": "text/javascript; charset=utf-8",
	".json": "application/json", ".map": "application/json", ".webmanifest": "application/manifest+json", ".xml": "text/xml; charset=utf-8",
	".txt": "text/plain; charset=utf-8", ".md": "text/markdown; charset=utf-8", ".csv": "text/csv; charset=utf-8",
	".ics":  "text/calendar; charset=utf-8",
	".atom": "application/atom+xml", ".rss": "application/rss+xml", ".wasm": "application/wasm", ".pdf": "application/pdf",
	".zip": "application/zip",
	".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
	".avif": "image/avif", ".ico": "image/vnd.microsoft.icon", ".bmp": "image/bmp", ".apng": "image/apng", ".tiff": "image/tiff",
	".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf", ".otf": "font/otf", ".eot": "application/vnd.ms-fontobject",
	".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".wav": "audio/wav", ".m4a": "audio/mp4", ".flac": "audio/flac",
	".mp4": "video/mp4", ".webm": "video/webm", ".ogv": "video/ogg", ".mov": "video/quicktime", ".vtt": "text/vtt; charset=utf-8",
	".glb": "model/gltf-binary", ".gltf": "model/gltf+json", ".gz": "application/gzip", ".tar": "application/x-tar",
}

// isFileName reports whether a name ends as that of a file whose type is known.
func isFileName(name string) bool { return types[strings.ToLower(path.Ext(name))] != "" }

// contentType is the media type of a file by its name. What is not known is a download.
func contentType(name string) string {
	if known, ok := types[strings.ToLower(path.Ext(name))]; ok {
		return known
	}
	if path.Ext(name) == "" && strings.HasPrefix(name, ".well-known/") {
		return "application/json" // apple-app-site-association
	}
	return "application/octet-stream"
}
