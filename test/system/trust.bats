#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Signatures of images, and the policy that asks for them. Debian's skopeo and podman store and fetch sigstore's signatures, and read the policy, but have the making and verifying of
# these signatures taken out: the signatures themselves are made and verified by openssl here, from the specification's words.

load helpers
load registry

setup() {
	common_setup
	start_registry
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ours.key 2>/dev/null
	openssl pkey -in ours.key -pubout -out ours.pub
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.key 2>/dev/null
	openssl pkey -in other.key -pubout -out other.pub
	mkdir registries.d
	printf 'default-docker:\n  use-sigstore-attachments: true\n' >registries.d/all.yaml
}

teardown() {
	end_registries
	common_teardown
}

sign() { # key image [option…]
	coracle image sign --sign-by-sigstore-private-key "$1" "${@:3}" "$2"
}

# The tag under which signatures of an image are.
signature_tag() { # repository:tag
	local digest
	digest=$(registry_digest "$1")
	echo "${digest/:/-}.sig"
}

# What was signed, and how, of the signature number N of an image: "payload" and "signature".
fetch_signature() { # repository:tag n
	local manifest
	manifest=$(registry_manifest "${1%:*}:$(signature_tag "$1")")
	cp "$(blob_file "$(jq -r ".layers[$2].digest" <<<"$manifest")")" payload
	jq -r ".layers[$2].annotations[\"dev.cosignproject.cosign/signature\"]" <<<"$manifest" | base64 -d >signature
}

# An image with a signature by openssl, in the form in which skopeo has them in directories, brought into the registry by skopeo.
skopeo_signed() { # image key claimed-name [claimed-digest]
	seed_image busybox "$1"
	local digest=${4-$(registry_digest "$1")} directory=$T/signed
	rm -rf "$directory"
	skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$REGISTRY/$1" "dir:$directory"
	printf '{"critical":{"identity":{"docker-reference":"%s"},"image":{"docker-manifest-digest":"%s"},"type":"cosign container image signature"},"optional":{"creator":"test","timestamp":1700000000}}' \
		"$3" "$digest" >payload
	openssl dgst -sha256 -sign "$2" -out signature payload
	{
		printf '\0sigstore-json\n'
		jq -cn --rawfile payload <(base64 -w0 payload) --rawfile signature <(base64 -w0 signature) \
			'{mimeType: "application/vnd.dev.cosign.simplesigning.v1+json", payload: $payload, annotations: {"dev.cosignproject.cosign/signature": $signature}}'
	} >"$directory/signature-1"
	skopeo copy -q --insecure-policy --registries.d registries.d --dest-tls-verify=false "dir:$directory" "docker://$REGISTRY/$1"
}

policy() { # requirements of the test's registry; everything else is rejected
	printf '{"default":[{"type":"reject"}],"transports":{"docker":{"%s":[%s]}}}' "$REGISTRY" "$1" >policy.json
}

signed_by() { # key [signedIdentity]
	printf '{"type":"sigstoreSigned","keyPath":"%s"%s}' "$T/$1" "${2+,\"signedIdentity\":$2}"
}

expect_no_images() {
	expect_equal "$(coracle images -q)" ""
}

@test "image sign: openssl verifies what is signed, for each kind of key" {
	seed_image busybox app:1
	local digest n=0 kind
	digest=$(registry_digest app:1)
	openssl genrsa -out rsa.key 3072 2>/dev/null
	openssl genpkey -algorithm ED25519 -out ed25519.key
	openssl ec -in other.key -out old-form.key 2>/dev/null
	for kind in ours rsa ed25519 old-form; do
		run sign "$kind.key" "$REGISTRY/app:1"
		expect_status 0
		expect_output "$REGISTRY/app@$digest"
		fetch_signature app:1 $n
		expect_equal "$(jq -c '[.critical, (.optional|keys)]' payload)" \
			"[{\"identity\":{\"docker-reference\":\"$REGISTRY/app:1\"},\"image\":{\"docker-manifest-digest\":\"$digest\"},\"type\":\"cosign container image signature\"},[\"creator\",\"timestamp\"]]"
		openssl pkey -in "$kind.key" -pubout -out "$kind.pub" 2>/dev/null
		case $kind in
		ed25519) openssl pkeyutl -verify -pubin -inkey "$kind.pub" -rawin -in payload -sigfile signature ;;
		*) openssl dgst -sha256 -verify "$kind.pub" -signature signature payload ;;
		esac
		coracle image verify --key "$kind.pub" "$REGISTRY/app:1"
		n=$((n + 1))
	done
}

@test "image sign: skopeo fetches the signatures, stores them elsewhere, and adds to them" {
	seed_image busybox app:1
	sign ours.key "$REGISTRY/app:1"
	sign other.key "$REGISTRY/app:1"
	skopeo copy -q --insecure-policy --registries.d registries.d --src-tls-verify=false "docker://$REGISTRY/app:1" "dir:$T/copy"
	fetch_signature app:1 1
	expect_equal "$(tail -c +16 copy/signature-2 | jq -r .payload | base64 -d)" "$(<payload)"
	skopeo copy -q --insecure-policy --registries.d registries.d --dest-tls-verify=false "dir:$T/copy" "docker://$REGISTRY/copy:1"
	expect_error 1 'a signature is for another name' coracle image verify --key ours.pub "$REGISTRY/copy:1"
	sign ours.key "$REGISTRY/copy:1"
	coracle image verify --key ours.pub "$REGISTRY/copy:1"
	expect_equal "$(registry_manifest "copy:$(signature_tag copy:1)" | jq '.layers | length')" 3
}

@test "keys of cosign and skopeo, with their passphrases" {
	seed_image busybox app:1
	"$BATS_TEST_DIRNAME/sigstore-key.py" secret COSIGN ours.key >cosign.key
	"$BATS_TEST_DIRNAME/sigstore-key.py" '' SIGSTORE other.key >skopeo.key
	openssl pkcs8 -topk8 -in ours.key -passout pass:secret -out pkcs8.key
	printf 'secret\n' >passphrase
	printf 'wrong' >wrong
	local key
	for key in cosign.key pkcs8.key; do
		expect_error 125 "$key: the key is encrypted, and needs its passphrase" sign "$key" "$REGISTRY/app:1"
		expect_error 125 "$key: the passphrase is not that of the key" sign "$key" "$REGISTRY/app:1" --sign-passphrase-file wrong
	done
	expect_error 1 'it is not signed' coracle image verify --key ours.pub "$REGISTRY/app:1"
	sign cosign.key "$REGISTRY/app:1" --sign-passphrase-file passphrase
	fetch_signature app:1 0
	openssl dgst -sha256 -verify ours.pub -signature signature payload
	sign skopeo.key "$REGISTRY/app:1"
	fetch_signature app:1 1
	openssl dgst -sha256 -verify other.pub -signature signature payload
	sign pkcs8.key "$REGISTRY/app:1" --passphrase-file passphrase
	fetch_signature app:1 2
	openssl dgst -sha256 -verify ours.pub -signature signature payload
	expect_error 125 'no private key' sign ours.pub "$REGISTRY/app:1"
	expect_error 125 'give the key to sign with' coracle image sign "$REGISTRY/app:1"
}

@test "a signature by openssl that skopeo has stored is accepted: image verify, pull, run" {
	skopeo_signed app:1 ours.key "$REGISTRY/app:1"
	policy "$(signed_by ours.pub)"
	run coracle image verify --signature-policy policy.json "$REGISTRY/app:1"
	expect_status 0
	expect_output "$REGISTRY/app@$(registry_digest app:1): signed by a trusted key"
	coracle pull -q --signature-policy policy.json "$REGISTRY/app:1"
	expect_equal "$(coracle run --rm "$REGISTRY/app:1" echo in)" in
}

@test "pull: what the policy does not accept is not there afterwards" {
	seed_image busybox unsigned:1
	skopeo_signed app:1 ours.key "$REGISTRY/app:1"
	skopeo_signed renamed:1 ours.key "$REGISTRY/app:1"
	skopeo_signed replaced:1 ours.key "$REGISTRY/replaced:1" "sha256:$(printf '%064d' 0)"
	policy "$(signed_by ours.pub)"
	expect_error 125 'it is not signed; .*policy.json says so for "127' coracle pull -q --signature-policy policy.json "$REGISTRY/unsigned:1"
	expect_error 125 "a signature is for another name: $REGISTRY/app:1" coracle pull -q --signature-policy policy.json "$REGISTRY/renamed:1"
	expect_error 125 'a signature is for another image: sha256:000' coracle pull -q --signature-policy policy.json "$REGISTRY/replaced:1"
	policy "$(signed_by other.pub)"
	expect_error 125 "its signature is not by the key $T/other.pub" coracle pull -q --signature-policy policy.json "$REGISTRY/app:1"
	policy "$(signed_by ours.pub),$(signed_by other.pub)"
	expect_error 125 "its signature is not by the key $T/other.pub" coracle pull -q --signature-policy policy.json "$REGISTRY/app:1"
	policy '{"type":"signedBy","keyType":"GPGKeys","keyPath":"/k"}'
	expect_error 125 'needs GPG signatures .signedBy., which coracle cannot verify' coracle pull -q --signature-policy policy.json "$REGISTRY/app:1"
	policy '{"type":"reject"}'
	expect_error 125 'is rejected; .*policy.json says so' coracle pull -q --signature-policy policy.json "$REGISTRY/app:1"
	printf '{"default":[{"type":"insecureAcceptAnything"}],"transport":{}}' >policy.json
	expect_error 125 'policy.json: .*"transport" is not known here' coracle pull -q --signature-policy policy.json "$REGISTRY/app:1"
	expect_no_images
}

@test "a payload that was changed after it was signed is not accepted" {
	seed_image busybox app:1
	sign ours.key "$REGISTRY/app:1"
	coracle image verify --key ours.pub "$REGISTRY/app:1"
	# Where the payload is kept under another digest, with another name in it.
	local manifest file size digest
	fetch_signature app:1 0
	manifest=$(registry_manifest "app:$(signature_tag app:1)")
	sed 's/"timestamp":[0-9]*/"timestamp":1/' payload >changed
	size=$(stat -c %s changed) digest=sha256:$(sha256sum <changed | cut -d' ' -f1)
	file=$(curl -sf -X POST -D - -o /dev/null "http://$REGISTRY/v2/app/blobs/uploads/" | sed -n 's/^[Ll]ocation: \(.*\)\r$/\1/p')
	curl -sf -o /dev/null -X PUT -H 'Content-Type: application/octet-stream' --data-binary @changed "$file&digest=$digest"
	jq -c ".layers[0].digest = \"$digest\" | .layers[0].size = $size" <<<"$manifest" >manifest
	curl -sf -o /dev/null -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @manifest \
		"http://$REGISTRY/v2/app/manifests/$(signature_tag app:1)"
	expect_error 1 'its signature is not by the key ours.pub' coracle image verify --key ours.pub "$REGISTRY/app:1"
}

@test "signedIdentity: the names for which a signature may be" {
	skopeo_signed mirror/app:1 ours.key vendor.example.com/app:1
	local name=$REGISTRY/mirror/app:1 digest
	verify() {
		policy "$(signed_by ours.pub "$1")"
		coracle image verify --signature-policy policy.json "$name"
	}
	expect_error 1 'another name: vendor.example.com/app:1' verify '{"type":"matchExact"}'
	expect_error 1 'another name' verify '{"type":"matchRepoDigestOrExact"}'
	expect_error 1 'another name' verify '{"type":"matchRepository"}'
	expect_error 1 'another name' verify '{"type":"exactReference","dockerReference":"vendor.example.com/app:2"}'
	verify '{"type":"exactReference","dockerReference":"vendor.example.com/app:1"}'
	verify '{"type":"exactRepository","dockerRepository":"vendor.example.com/app"}'
	verify "{\"type\":\"remapIdentity\",\"prefix\":\"$REGISTRY/mirror\",\"signedPrefix\":\"vendor.example.com\"}"
	skopeo_signed app:1 ours.key "$REGISTRY/app:0"
	name=$REGISTRY/app:1
	expect_error 1 'another name' verify '{"type":"matchExact"}'
	verify '{"type":"matchRepository"}'
	digest=$(registry_digest app:1)
	name=$REGISTRY/app@$digest
	expect_error 1 'another name' verify '{"type":"matchExact"}'
	verify '{"type":"matchRepoDigestOrExact"}'
}

@test "push signs, and an index is signed with all its images" {
	load_image busybox
	coracle push -q --sign-by-sigstore-private-key ours.key localhost/busybox "$REGISTRY/app:1"
	fetch_signature app:1 0
	openssl dgst -sha256 -verify ours.pub -signature signature payload
	coracle manifest create list docker://"$REGISTRY/app:1"
	coracle import -q --arch s390x "$CORACLE_TEST_CACHE/busybox.rootfs.tar" other
	coracle manifest add list localhost/other
	coracle manifest push list "$REGISTRY/list:1" >digest
	expect_equal "$(sign other.key "$REGISTRY/list:1")" "$REGISTRY/list@$(registry_manifest list:1 | jq -r '.manifests[] | select(.platform.architecture == "'"$(coracle image inspect --format '{{.Architecture}}' busybox)"'").digest')"
	expect_equal "$(sign ours.key "$REGISTRY/list:1" --all | sort)" \
		"$({ registry_manifest list:1 | jq -r '.manifests[].digest'; cat digest; } | sed "s|^|$REGISTRY/list@|" | sort)"
	coracle image verify --key ours.pub "$REGISTRY/list:1"
	coracle manifest push --sign-by-sigstore-private-key other.key list "$REGISTRY/again:1"
	coracle image verify --key other.pub "$REGISTRY/again:1"
	local of
	for of in $(registry_manifest again:1 | jq -r '.manifests[].digest') "$(<digest)"; do
		registry_manifest "again:${of/:/-}.sig" | jq -e '.layers | length == 1'
	done
}

@test "a registry that asks who it is: sign, verify and manifest push give the credentials" {
	start_registry htpasswd tls
	trust_authority "$REGISTRY"
	seed_image busybox app:1
	expect_error 125 "$REGISTRY" sign ours.key "$REGISTRY/app:1"
	expect_error 125 "$REGISTRY" sign ours.key "$REGISTRY/app:1" --creds alice:wrong
	sign ours.key "$REGISTRY/app:1" --creds alice:secret
	expect_error 125 "$REGISTRY" coracle image verify --key ours.pub "$REGISTRY/app:1"
	coracle image verify --creds alice:secret --key ours.pub "$REGISTRY/app:1"
	coracle manifest create --creds alice:secret list "docker://$REGISTRY/app:1"
	expect_error 125 "$REGISTRY" coracle manifest push list "$REGISTRY/list:1"
	coracle manifest push --creds alice:secret list "$REGISTRY/list:1"
	expect_equal "$(coracle manifest inspect --creds alice:secret "docker://$REGISTRY/list:1" | jq -r '.manifests[0].digest')" "$(registry_digest app:1)"
}

@test "image trust set and show: as podman shows it and skopeo obeys it; what else is in the policy stays" {
	seed_image busybox good/app:1
	seed_image busybox bad/app:1
	cat >policy.json <<-P
		{"default": [{"type": "insecureAcceptAnything"}],
		 "transports": {"docker-archive": {"": [{"type": "reject"}]},
		  "docker": {"registry.example.com/gpg": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}]}}}
	P
	coracle image trust set --policypath policy.json -t reject default
	coracle image trust set --policypath policy.json -t accept "$REGISTRY/good"
	coracle image trust set --policypath policy.json -f ours.pub -f other.pub "$REGISTRY/signed"
	expect_equal "$(jq -c . policy.json)" "$(jq -c . <<-P
		{"default": [{"type": "reject"}],
		 "transports": {"docker-archive": {"": [{"type": "reject"}]},
		  "docker": {"registry.example.com/gpg": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}],
		   "$REGISTRY/good": [{"type": "insecureAcceptAnything"}],
		   "$REGISTRY/signed": [{"type": "sigstoreSigned", "keyPath": "$T/ours.pub"}, {"type": "sigstoreSigned", "keyPath": "$T/other.pub"}]}}}
	P
	)"
	columns() { awk '{print $1, $2, $3}' | sort; }
	expect_equal "$(coracle image trust show -n --policypath policy.json | columns | grep -v ^docker-archive)" \
		"$(podman image trust show -n --policypath policy.json 2>/dev/null | columns | grep -v ^docker-archive)"
	expect_equal "$(coracle image trust show --json --policypath policy.json | jq -c 'map([.transport, .name, .type]) | sort')" \
		"$(podman image trust show --json --policypath policy.json 2>/dev/null | jq -c 'map([.transport, .name, .type]) | sort')"
	expect_equal "$(coracle image trust show --raw --policypath policy.json)" "$(<policy.json)"
	skopeo copy -q --policy policy.json --src-tls-verify=false "docker://$REGISTRY/good/app:1" "dir:$T/good"
	run skopeo copy -q --policy policy.json --src-tls-verify=false "docker://$REGISTRY/bad/app:1" "dir:$T/bad"
	expect_match 'rejected by policy'
	coracle pull -q --signature-policy policy.json "$REGISTRY/good/app:1"
	expect_error 125 'is rejected' coracle pull -q --signature-policy policy.json "$REGISTRY/bad/app:1"
}

@test "image trust set: without a file named, the user's own policy is made of what was in force, and obeyed by default" {
	seed_image busybox app:1
	coracle image trust set -t reject "$REGISTRY"
	expect_equal "$(jq -c .default "$HOME/.config/containers/policy.json")" "$(jq -c .default /etc/containers/policy.json)"
	expect_error 125 'is rejected; .*/.config/containers/policy.json says so' coracle pull -q "$REGISTRY/app:1"
	coracle image trust set -t accept "$REGISTRY/app"
	coracle pull -q "$REGISTRY/app:1"
	expect_equal "$(coracle image trust show -n | awk '{print $2, $3}' | sort)" "$(printf '%s reject\n%s/app accept\ndefault accept' "$REGISTRY" "$REGISTRY")"
	run coracle image verify "$REGISTRY/app:1"
	expect_match 'accepted; the policy asks for no signature'
}

@test "image trust set: what several set at once is all kept" {
	local i pids=()
	for i in $(seq 12); do
		coracle image trust set -t reject "r$i.example.com" &
		pids+=($!)
	done
	wait "${pids[@]}"
	expect_equal "$(jq '.transports.docker | length' "$HOME/.config/containers/policy.json")" 12
	expect_equal "$(find "$HOME/.config/containers" -type f ! -name registries.conf)" "$HOME/.config/containers/policy.json"
}

@test "image trust set: a policy that is a link stays one" {
	mkdir -p "$HOME/.config/containers"
	echo '{"default":[{"type":"insecureAcceptAnything"}]}' >policy
	ln -sf "$PWD/policy" "$HOME/.config/containers/policy.json"
	coracle image trust set -t reject r.example.com
	[[ -L $HOME/.config/containers/policy.json ]]
	expect_equal "$(jq -r '.transports.docker["r.example.com"][0].type' policy)" reject
}

@test "image trust set: mistakes leave the policy as it is" {
	printf '{"default":[{"type":"reject"}]}' >policy.json
	expect_error 125 'give the public key' coracle image trust set --policypath policy.json registry.example.com
	expect_error 125 'pubkeysfile is for --type sigstoreSigned' coracle image trust set --policypath policy.json -t accept -f ours.pub registry.example.com
	expect_error 125 'missing.pub: No such file' coracle image trust set --policypath policy.json -f missing.pub registry.example.com
	expect_error 125 'ours.key: there is no public key in it' coracle image trust set --policypath policy.json -f ours.key registry.example.com
	expect_error 125 'no docker:// before it' coracle image trust set --policypath policy.json -t accept docker://registry.example.com
	expect_error 125 'accept|reject|sigstoreSigned' coracle image trust set --policypath policy.json -t signedBy registry.example.com
	expect_equal "$(<policy.json)" '{"default":[{"type":"reject"}]}'
	printf '{"default":[]}' >broken.json
	expect_error 125 'broken.json: default: ' coracle image trust set --policypath broken.json -t accept registry.example.com
	expect_equal "$(<broken.json)" '{"default":[]}'
	expect_error 125 'broken.json: default: ' coracle image trust show --policypath broken.json
	expect_error 125 'contradict' coracle image verify --key ours.pub --signature-policy policy.json "$REGISTRY/app:1"
}

@test "load: where the policy has a section for the kind of archive, it is asked before anything is loaded" {
	coracle load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	coracle save -q -o "$T/docker.tar" busybox
	coracle save -q --format oci-archive -o "$T/oci.tar" busybox
	coracle save -q --format oci-dir -o "$T/oci" busybox
	coracle rmi -a
	local policy=$HOME/.config/containers/policy.json
	mkdir -p "${policy%/*}"
	cat >"$policy" <<-END
		{"default": [{"type": "reject"}], "transports": {
			"docker-archive": {"": [{"type": "reject"}]},
			"oci-archive": {"$T": [{"type": "insecureAcceptAnything"}], "": [{"type": "reject"}]}}}
	END
	expect_error 125 "docker-archive is rejected; $policy says so" coracle load -q -i "$T/docker.tar"
	expect_equal "$(find "$ROOT/images" "$ROOT/layers" "$ROOT/refs" -mindepth 1)" ""
	coracle load -q -i "$T/oci.tar"
	coracle load -q -i "$T/oci"
	mkdir "$T/else" && mv "$T/oci.tar" "$T/else/"
	sed -i "s|\"$T\"|\"$T/good\"|" "$policy"
	expect_error 125 'oci-archive is rejected' coracle load -q -i "$T/else/oci.tar"
	run --separate-stderr sh -c "'$T/coracle' load -q <'$T/docker.tar'"
	expect_status 125
	expect_matches "$stderr" 'standard input.*rejected'
	rm "$policy"
	coracle load -q -i "$T/docker.tar"
}
