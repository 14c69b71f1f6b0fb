/* SPDX-License-Identifier: Apache-2.0 */
/* bzip2, by libarchive: its "raw" format gives what comes out of the filters as one file. */
#include <archive.h>
#include <archive_entry.h>

#include "pkg/stream/codec.h"
#include "pkg/text/text.h"

struct filter_stream {
	struct stream stream;
	struct stream_input input;
	struct archive *archive;
	struct error below_error; /* of reading the compressed data, which libarchive cannot carry */
};

static la_ssize_t give_input(struct archive *archive, void *userdata, const void **ret_data)
{
	struct filter_stream *filter = userdata;
	(void)archive;
	if (stream_input_fill(&filter->input, &filter->below_error) < 0)
		return -1;
	*ret_data = filter->input.buffer + filter->input.position;
	size_t length = filter->input.length - filter->input.position;
	filter->input.position = filter->input.length;
	return (la_ssize_t)length;
}

static int failed(struct filter_stream *filter, struct error *err)
{
	if (filter->below_error.errnum) {
		if (err)
			*err = filter->below_error;
		return -filter->below_error.errnum;
	}
	const char *text = archive_error_string(filter->archive);
	return error_set(err, EBADMSG, "the compressed data are damaged: %s", text ? text : "unknown reason");
}

static ssize_t filter_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct filter_stream *filter = (struct filter_stream *)stream;
	la_ssize_t n = archive_read_data(filter->archive, data, length);
	return n < 0 ? failed(filter, err) : n;
}

static void filter_close(struct stream *stream)
{
	struct filter_stream *filter = (struct filter_stream *)stream;
	archive_read_free(filter->archive);
	stream_input_free(&filter->input);
	free(filter);
}

static int begin(struct filter_stream *filter, struct error *err)
{
	struct archive_entry *entry;
	filter->archive = archive_read_new();
	if (!filter->archive)
		return error_sys(err, ENOMEM, "begin decompressing");
	if (archive_read_support_filter_bzip2(filter->archive) != ARCHIVE_OK ||
	    archive_read_support_format_raw(filter->archive) != ARCHIVE_OK ||
	    archive_read_open(filter->archive, filter, NULL, give_input, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(filter->archive, &entry) != ARCHIVE_OK)
		return failed(filter, err);
	return 0;
}

int stream_open_filter(struct stream *below, const void *head, size_t head_length, struct stream **ret,
		       struct error *err)
{
	struct filter_stream *filter = xcalloc(1, sizeof(*filter));
	filter->stream = (struct stream){filter_read, NULL, filter_close};
	stream_input_init(&filter->input, below, head, head_length);
	int r = begin(filter, err);
	if (r < 0) {
		filter_close(&filter->stream);
		return r;
	}
	*ret = &filter->stream;
	return 0;
}
