# SPDX-License-Identifier: Apache-2.0
# hostile: registries that lie, break off and never end (hostile-registry.py). Each time: one line that names the image and the reason, soon, in little memory, and nothing
# half made; and where the registry is better the next time, the image.
load helpers
load registry

setup() {
	common_setup
	in_background "$T/port" python3 "$BATS_TEST_DIRNAME/hostile-registry.py" "$T/log"
	wait_until 20 grep -q . "$T/port"
	R=127.0.0.1:$(<"$T/port")
	make_insecure "$R"
}

teardown() {
	end_registries
	common_teardown
}

# sizes: token, manifest, config, layer: the lengths of the answers about a repository, heads and all.
sizes_of() { # repository
	mapfile -t sizes < <(curl -sf "http://$R/sizes/$1")
	[[ ${#sizes[@]} == 4 ]]
}

expect_nothing_half_made() {
	expect_equal "$(find "$ROOT/images" "$ROOT/layers" "$ROOT/refs" -mindepth 1 2>/dev/null; staged)" ""
}

# images: their full names.
in_registry() { # repository…
	images=("${@/#/$R/}")
	images=("${images[@]/%/:1}")
}

# Pulls them all, and each of them has to fail in one line of its own.
expect_all_refused() { # repository…
	local name
	in_registry "$@"
	run --separate-stderr timeout 200 "$T/coracle" pull -q --retry 0 "${images[@]}"
	expect_status 125
	expect_output ""
	expect_equal "$(wc -l <<<"$stderr")" $#
	for name; do
		grep -q "^Error: $R/$name:1: ..*" <<<"$stderr" || {
			echo "nothing is said of $name: $stderr"
			return 1
		}
	done
	expect_nothing_half_made
}

# Pulls them all, and each of them has to come, whole.
expect_all_come() { # repository…
	local name
	in_registry "$@"
	run --separate-stderr timeout 200 "$T/coracle" pull -q --retry 3 --retry-delay 0 "${images[@]}"
	expect_equal "$stderr" ""
	expect_status 0
	expect_equal "${#lines[@]}" $#
	expect_equal "$(cat "$ROOT"/layers/*/diff/whose | tr -d '\0' | wc -c)" "$(printf '%s' "$@" | wc -c)"
	for name; do
		[[ -e $ROOT/refs/$R/$name/:1 ]]
	done
	expect_equal "$(find "$ROOT/blobs/partial" -type f)" ""
	run -0 coracle system check
}

# names: cut-KIND-N-TIMES for every byte of the answer's length. With sanitizers every seventh does where it is asked for again: each byte is looked at where it is
# refused, and the way from there on is the same for all.
name_each_byte() { # kind length times
	local n step=1
	[[ ! -e $BUILD/sanitizer-reports || $3 == 0 ]] || step=7
	names=()
	for ((n = 0; n < $2; n += step)); do
		names+=("cut-$1-$n-$3")
	done
}

@test "hostile: the maker of broken answers gives good ones too" {
	coracle pull -q "$R/good:1"
	expect_equal "$(<"$ROOT"/layers/*/diff/whose)" good
	coracle pull -q "$R/cut-token-100000-0:1"
	grep -q 'GET /token.*scope=repository%3Acut-token-100000-0%3Apull' "$T/log"
}

@test "hostile: an answer that is cut at any byte is refused: token" {
	sizes_of good
	name_each_byte token "${sizes[0]}" 0
	expect_all_refused "${names[@]}"
}

@test "hostile: an answer that is cut at any byte is refused: manifest" {
	sizes_of cut-manifest-000-0
	name_each_byte manifest $((sizes[1] - 4)) 0
	expect_all_refused "${names[@]}"
}

@test "hostile: an answer that is cut at any byte is refused: configuration" {
	sizes_of cut-config-000-0
	name_each_byte config $((sizes[2] - 4)) 0
	expect_all_refused "${names[@]}"
}

@test "hostile: an answer that is cut at any byte is refused: a small layer" {
	sizes_of cut-layer-000-0
	name_each_byte layer $((sizes[3] - 4)) 0
	expect_all_refused "${names[@]}"
}

@test "hostile: an answer that is cut at any byte, once, is asked for again: token, configuration and layer" {
	sizes_of good
	local all=()
	for kind in token config layer; do
		sizes_of "cut-$kind-00-1"
		case $kind in
		token) name_each_byte token "${sizes[0]}" 1 ;;
		config) name_each_byte config $((sizes[2] - 4)) 1 ;;
		layer) name_each_byte layer $((sizes[3] - 4)) 1 ;;
		esac
		all+=("${names[@]}")
	done
	expect_all_come "${all[@]}"
}

@test "hostile: an answer that is cut at any byte, once, is asked for again: manifest" {
	sizes_of cut-manifest-00-1
	name_each_byte manifest $((sizes[1] - 4)) 1
	expect_all_come "${names[@]}"
}

@test "hostile: a layer that is cut anywhere comes whole, in as many pieces as it takes, and a broken pull leaves what has come" {
	local n names=()
	for ((n = 1; n < 65700; n += 1931)); do
		names+=("large-layer-$n-2")
	done
	expect_all_come "${names[@]}"
	# The line breaks for good: the next pull goes on from there.
	expect_error 125 'broke off at byte' coracle pull -q --retry 0 "$R/large-layer-30000-1:1"
	local size
	size=$(stat -c %s "$ROOT"/blobs/partial/sha256:*[0-9a-f])
	((size > 20000 && size < 30000))
	coracle pull -q --retry 0 "$R/large-layer-30000-1:1"
	grep -q "GET /v2/large-layer-30000-1/blobs/.* 206 .*bytes=$size-" "$T/log"
	expect_equal "$(find "$ROOT/blobs/partial" -type f)" ""
}

# refused CASE PATTERN: soon (there is an end to all of them, but not to what they are asked for), in less than 64 MB.
refused() {
	run --separate-stderr timeout 100 /usr/bin/env time -f 'kB: %M' -o "$T/memory" "$T/coracle" pull -q --retry 0 "$R/broken-$1:1"
	[[ $status == 125 && -z $output && $stderr == "Error: "* && $stderr != *$'\n'* && $stderr == *broken-"$1"* && $stderr =~ $2 ]] || {
		echo "$1: status $status, output: $output"
		echo "error: $stderr"
		return 1
	}
	[[ $stderr != *$'\033'* && $stderr != *$'\a'* ]]
	# Sanitizers have memory of their own.
	[[ -e $BUILD/sanitizer-reports ]] || (($(sed -n 's/^kB: //p' "$T/memory") < 65536)) || {
		echo "$1 took $(<"$T/memory")"
		return 1
	}
	expect_nothing_half_made
}

@test "hostile: manifests that are too large, without end, nested without end, and no manifests at all" {
	refused manifest-100mb 'longer than 4194304 bytes'
	refused manifest-endless 'longer than 4194304 bytes'
	refused manifest-endless-chunks 'longer than 4194304 bytes'
	refused manifest-arrays 'nesting too deep'
	refused manifest-objects 'nesting too deep'
	refused manifest-within 'nesting too deep'
	refused manifest-empty 'not valid JSON'
	refused manifest-null 'no config'
	refused manifest-html 'not valid JSON'
	refused manifest-schema1 'schema 1'
	refused manifest-nul 'not valid JSON'
	refused manifest-twice 'not valid JSON'
	refused manifest-no-layers 'no layers'
	refused manifest-other-digest 'digest is sha256:.*, not sha256:0000'
	refused index-deep 'indexes within indexes'
	refused index-size 'has [0-9]* bytes, not [0-9]* as the index says'
}

@test "hostile: sizes and digests of layers and configurations that are wrong or none" {
	refused layer-size-less 'layer sha256:.*not [0-9]* as the manifest says'
	refused layer-size-more 'layer sha256:.*it ended after [0-9]* of [0-9]* bytes'
	refused layer-size-huge 'layer sha256:.*it ended after [0-9]* of 4611686018427387904 bytes'
	refused layer-size-negative 'layers\[0\]: size'
	refused layer-size-text 'layers\[0\]: size'
	refused layer-size-float 'layers\[0\]: size'
	refused layer-digest-path '"sha256:\.\./.*" is not a digest'
	refused layer-digest-short 'is not a digest'
	refused layer-digest-md5 'is not a digest'
	refused layer-digest-none 'it has no digest'
	refused layer-digest-unknown 'layer sha256:000000000000: .*not found: blob unknown'
	refused config-size-less 'not [0-9]* as the manifest says'
	refused config-size-more 'it ended after [0-9]* of [0-9]* bytes'
	refused config-size-huge 'configuration is too large: 104857600 bytes'
	refused config-digest-path 'is not a digest'
	refused config-nested 'configuration: .*nesting too deep'
	refused config-empty 'configuration: not valid JSON'
	refused config-none 'the manifest has 1 layers, the image.s configuration 0'
	refused config-diff-id 'the digest of its tar is sha256:.*, not sha256:0000'
	refused config-diff-id-path 'which is no sha256 digest'
	refused config-diff-ids-more 'the manifest has 1 layers, the image.s configuration 2'
	expect_equal "$(find "$ROOT/blobs/partial" -type f -size +0)" ""
}

@test "hostile: blobs that are others, longer, without end, or another range" {
	refused blob-swapped 'layer sha256:.*its digest is sha256:[0-9a-f]*, not sha256:'
	refused blob-bzip2 'layer sha256:.*compressed with bzip2, which OCI images do not have, and its digest is'
	refused blob-lz4 'layer sha256:.*compressed with lz4, which OCI images do not have, and its digest is'
	refused layer-lz4 'layer sha256:.*the layer is compressed with lz4, which OCI images do not have; .*with gzip or zstd'
	refused blob-empty 'layer sha256:.*it ended after 0 of'
	refused blob-none 'layer sha256:.*not found: blob unknown to registry'
	refused blob-more 'layer sha256:.*not [0-9]* as the manifest says'
	refused blob-endless 'layer sha256:.*longer than [0-9]* bytes, which the manifest says'
	refused blob-range 'layer sha256:.*another range than it was asked for'
	refused blob-range-garbage 'layer sha256:.*another range than it was asked for'
	expect_equal "$(find "$ROOT/blobs/partial" -type f)" ""
}

@test "hostile: answers that lie about their length, and heads that are none" {
	refused length-less 'not valid JSON'
	refused length-more 'bytes remaining'
	refused length-negative '.'
	refused length-text '.'
	refused length-two '.'
	refused chunks-garbage 'chunk'
	refused chunks-huge 'chunk'
	refused chunks-no-end '.'
	refused head-endless 'head of the answer is longer'
	refused head-long-line 'head of the answer is longer'
	refused head-continues 'head of the answer is longer'
	refused head-none '.'
	refused head-http2 '.'
	refused head-escapes 'HTTP status 400: .*evil'
}

@test "hostile: statuses, redirects and tokens" {
	refused status-500 'HTTP status 500'
	refused status-429 'too many requests: pull rate limit'
	refused status-401 'not authorized'
	refused status-401-none 'not authorized'
	refused status-403 'not allowed: requested access'
	refused status-999 'HTTP status 999'
	refused status-304 'HTTP status 304'
	refused redirect-loop 'more than 10 redirects'
	refused redirect-file 'file'
	refused redirect-none 'HTTP status 307'
	refused redirect-garbage '.'
	refused token-html 'get a token .*not valid JSON'
	refused token-none 'there is no token in it'
	refused token-lines 'there is no token in it'
	refused token-endless 'get a token: the answer is longer'
	refused token-nested 'get a token .*nesting too deep'
	refused token-realm 'file:///etc/passwd'
	expect_no grep -q 'Host: evil' "$T/log"
}

@test "hostile: a registry that hangs is given up, wherever it does, and can be interrupted before" {
	local case pids=() i=0 before=$SECONDS
	for case in hangs-before hangs-within hangs-layer; do
		"$T/coracle" pull -q --retry 0 "$R/broken-$case:1" 2>"$T/said.$case" 3>&- &
		pids+=($!)
	done
	"$T/coracle" pull -q --retry 0 "$R/broken-hangs-layer:1" 2>"$T/interrupted" 3>&- &
	local interrupted=$!
	sleep 1
	kill -TERM "$interrupted"
	await "$interrupted"
	((status > 128 && SECONDS - before < 25))
	for case in hangs-before hangs-within hangs-layer; do
		await "${pids[i++]}"
		expect_status 125
		expect_matches "$(<"$T/said.$case")" "^Error: .*$case.*nothing has moved for 30 seconds"
		expect_equal "$(wc -l <"$T/said.$case")" 1
	done
	((SECONDS - before < 120))
	# What the interrupted one had begun, where that was before the others, goes with the next pull.
	refused status-500 'HTTP status 500'
}
