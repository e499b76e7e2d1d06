# Completion of satchel for bash.  What there is to complete is asked of the
# program, so that it is never behind it.

_satchel_home()
{
	local i
	for ((i = 1; i < ${#COMP_WORDS[@]} - 1; i++)); do
		if [[ ${COMP_WORDS[i]} == --home ]]; then
			printf '%s\n' "${COMP_WORDS[i + 1]}"
			return
		fi
	done
}

_satchel_first()
{
	"${COMP_WORDS[0]}" help "$@" --porcelain 2>/dev/null | cut -f1
}

_satchel_names()
{
	local home
	home=$(_satchel_home)
	"${COMP_WORDS[0]}" ${home:+--home "$home"} "$@" --porcelain 2>/dev/null | cut -f2
}

_satchel()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local verb= first= i words=
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--home) ((i++)) ;;
		-*) ;;
		*)
			if [[ -z $verb ]]; then
				verb=${COMP_WORDS[i]}
			elif [[ -z $first ]]; then
				first=${COMP_WORDS[i]}
			fi ;;
		esac
	done
	COMPREPLY=()
	case $previous in
	--home)
		compopt -o filenames
		COMPREPLY=($(compgen -d -- "$current"))
		return ;;
	--role) words='head rep branch erp auditor' ;;
	--may) words='export import merge delete reassign configure audit' ;;
	--export)
		compopt -o filenames
		COMPREPLY=($(compgen -f -- "$current"))
		return ;;
	--right) words='see edit' ;;
	--mode) words='handover instant hostile' ;;
	--dates) words='dmy mdy ymd' ;;
	--as) words=$(_satchel_first types) ;;
	--blocks) words='assignment profile contacts deals activities documents finance marketing service internal' ;;
	esac
	if [[ -z $words && $current == --* ]]; then
		words="--home --json --porcelain --help --version"
		[[ -n $verb ]] && words+=" $(_satchel_first "$verb")"
	elif [[ -z $words && -z $verb ]]; then
		words=$(_satchel_first)
	elif [[ -z $words ]]; then
		case $verb/$first in
		add/ | list/ | export/) words=$(_satchel_first types) ;;
		add/*)
			compopt -o nospace
			words=$(_satchel_first "$first" | sed 's/$/=/') ;;
		export/*)
			compopt -o nospace -o filenames
			COMPREPLY=($(compgen -W "$(_satchel_first "$first" | sed 's/$/:/')" -- "$current") $(compgen -f -- "$current"))
			return ;;
		list/*)
			compopt -o nospace
			words=$(_satchel_first "$first" | sed 's/$/:/') ;;
		help/) words="$(_satchel_first) types" ;;
		person/) words='add list' ;;
		bundle/) words='write read' ;;
		bundle/*)
			compopt -o filenames
			COMPREPLY=($(compgen -f -- "$current"))
			return ;;
		access/) words=explain ;;
		canary/) words='list who' ;;
		nodes/) words=resume ;;
		import/)
			compopt -o filenames
			COMPREPLY=($(compgen -f -- "$current"))
			return ;;
		grant/ | revoke/ | invite/)
			local IFS=$'\n'
			COMPREPLY=($(compgen -W "$(_satchel_names person list)" -- "$current"))
			COMPREPLY=("${COMPREPLY[@]// /\\ }")
			return ;;
		esac
	fi
	COMPREPLY=($(compgen -W "$words" -- "$current"))
}

complete -F _satchel satchel
