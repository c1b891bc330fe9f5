(* Polynomials and their quotients as data, with a proof that each operation means what it says. Whatever order the terms
   stand in, the operations are right; that they are sorted only lets equal polynomials look equal. *)

From Coq Require Import ZArith NArith Nnat QArith Qreduction List Bool Field Lia.
From Nopeproof Require Import Model Numbers.
Import ListNotations.
Open Scope nat_scope.

(* What is known only at one position. State l i: coordinate i after l sub-layers. Added l n i: what part n of layer l adds to it. R: r in t = m r + c.
   Count c: tokens of class c up to here. Gap: T - t. *)
Inductive local := State (l i : N) | Added (l n i : N) | Owned (n : N) | R | Count (c : N) | Gap.

(* Exp b D: e^(1/D), or e^(sqrt(b)/D). Aux n: the index of a range of units, and others; any value. Here/There: at the
   query's position, and at the key's. *)
Inductive var := Symbol (n : N) | T_ | Rt (n : positive) | Ln (n : positive) | Exp (root : option positive) (D : positive)
  | Aux (n : N) | Here (a : local) | There (a : local).

Definition local_code (a : local) : list N :=
  match a with State l i => [0; l; i] | Added l n i => [5; l; n; i] | Owned n => [1; n] | R => [2] | Count c => [3; c] | Gap => [4] end%N.
Definition code (v : var) : list N :=
  match v with
  | Symbol n => [0; n] | T_ => [1] | Rt n => [2; Npos n] | Ln n => [3; Npos n]
  | Exp None D => [4; Npos D] | Exp (Some b) D => [5; Npos b; Npos D] | Aux n => [6; n]
  | Here a => 7 :: local_code a | There a => 8 :: local_code a
  end%N.

Fixpoint compare_codes (a b : list N) : comparison :=
  match a, b with
  | [], [] => Eq | [], _ => Lt | _, [] => Gt
  | x :: a, y :: b => match N.compare x y with Eq => compare_codes a b | c => c end
  end.
Definition compare_vars (v w : var) : comparison := compare_codes (code v) (code w).

Lemma compare_codes_eq a b : compare_codes a b = Eq -> a = b.
Proof.
  revert b. induction a as [| x a IH]; intros [| y b]; cbn; try discriminate; [reflexivity |].
  destruct (N.compare_spec x y); try discriminate. intro. subst. f_equal. now apply IH.
Qed.
Lemma local_code_inj a b : local_code a = local_code b -> a = b.
Proof. destruct a, b; cbn; intro H; try discriminate; congruence. Qed.
Lemma code_inj v w : code v = code w -> v = w.
Proof.
  destruct v as [| | | | [|] | | |], w as [| | | | [|] | | |]; cbn; intro H; try discriminate; try congruence; f_equal;
    apply local_code_inj; congruence.
Qed.
Lemma compare_vars_eq v w : compare_vars v w = Eq -> v = w.
Proof. intro H. now apply code_inj, compare_codes_eq. Qed.

Definition mono := list (var * N).   (* a product of powers, variables in increasing order *)
Definition poly := list (mono * Q).  (* monomials in decreasing lexicographic order *)

Fixpoint compare_monos (a b : mono) : comparison :=
  match a, b with
  | [], [] => Eq | [], _ => Lt | _, [] => Gt
  | (v, n) :: a, (w, k) :: b =>
      match compare_vars v w with
      | Eq => match N.compare n k with Eq => compare_monos a b | c => c end
      | Lt => Gt | Gt => Lt
      end
  end.

Lemma compare_monos_eq a b : compare_monos a b = Eq -> a = b.
Proof.
  revert b. induction a as [| [v n] a IH]; intros [| [w k] b]; cbn; try discriminate; [reflexivity |].
  destruct (compare_vars v w) eqn:E; try discriminate. apply compare_vars_eq in E.
  destruct (N.compare_spec n k); try discriminate. intro H'. apply IH in H'. congruence.
Qed.

(* v^n times a monomial: a monomial and a whole coefficient, because sqrt(p)^2 = p. *)
Definition power (v : var) (n : N) (m : mono) : Z * mono :=
  let keep k m := match k with N0 => m | _ => (v, k) :: m end in
  match v with
  | Rt p => ((Zpos p ^ Z.of_N (n / 2))%Z, keep (n mod 2)%N m)
  | _ => (1%Z, keep n m)
  end.
Fixpoint mono_insert (v : var) (n : N) (m : mono) : Z * mono :=
  match m with
  | [] => power v n []
  | (w, k) :: rest =>
      match compare_vars v w with
      | Eq => power v (n + k) rest
      | Lt => power v n m
      | Gt => let (c, r) := mono_insert v n rest in (c, (w, k) :: r)
      end
  end.
Definition mono_mul (a b : mono) : Z * mono :=
  fold_right (fun vn acc => let (c, m) := mono_insert (fst vn) (snd vn) (snd acc) in ((fst acc * c)%Z, m)) (1%Z, b) a.

Definition cons_term (m : mono) (c : Q) (p : poly) : poly := if Z.eqb (Qnum c) 0 then p else (m, c) :: p.
Fixpoint insert (m : mono) (c : Q) (p : poly) : poly :=
  match p with
  | [] => cons_term m c []
  | (n, d) :: rest =>
      match compare_monos m n with
      | Eq => cons_term m (Qred (c + d)) rest
      | Gt => cons_term m c p
      | Lt => (n, d) :: insert m c rest
      end
  end.
Definition padd (p q : poly) : poly := fold_right (fun mc acc => insert (fst mc) (snd mc) acc) q p.
Definition pscale (m : mono) (c : Q) (p : poly) : poly :=
  fold_right (fun nd acc => let (z, k) := mono_mul m (fst nd) in insert k (Qred (c * snd nd * inject_Z z)) acc) [] p.
Definition pmul (p q : poly) : poly := fold_right (fun mc acc => padd (pscale (fst mc) (snd mc) q) acc) [] p.
Definition popp (p : poly) : poly := map (fun mc => (fst mc, Qopp (snd mc))) p.
Definition psub (p q : poly) : poly := padd (popp q) p.
Definition pconst (c : Q) : poly := cons_term [] c [].
Definition pint (z : Z) : poly := pconst (inject_Z z).
Definition pvar (v : var) : poly := [([(v, 1%N)], 1%Q)].
Fixpoint ppow (p : poly) (n : nat) : poly := match n with O => pint 1 | S m => pmul p (ppow p m) end.
Definition pmap (f : var -> var) (p : poly) : poly := map (fun mc => (map (fun vn => (f (fst vn), snd vn)) (fst mc), snd mc)) p.
Definition psubst (f : var -> poly) (p : poly) : poly :=
  fold_right (fun mc acc => padd (pmul (pconst (snd mc)) (fold_right (fun vn acc => pmul (ppow (f (fst vn)) (N.to_nat (snd vn))) acc) (pint 1) (fst mc))) acc) [] p.
Fixpoint pequal (p q : poly) : bool :=
  match p, q with
  | [], [] => true
  | (m, c) :: p, (n, d) :: q => match compare_monos m n with Eq => Qeq_bool c d && pequal p q | _ => false end
  | _, _ => false
  end.
Definition all_vars (f : var -> bool) (p : poly) : bool := forallb (fun mc => forallb (fun vn => f (fst vn)) (fst mc)) p.

(* Division, unverified: what it returns is checked by multiplying. *)
Fixpoint mono_div (a b : mono) : option mono :=
  match b, a with
  | [], _ => Some a
  | _, [] => None
  | (w, k) :: b', (v, n) :: a' =>
      match compare_vars v w with
      | Lt => match mono_div a' b with Some m => Some ((v, n) :: m) | None => None end
      | Eq => match N.compare n k with
              | Eq => mono_div a' b'
              | Gt => match mono_div a' b' with Some m => Some ((v, (n - k)%N) :: m) | None => None end
              | Lt => None
              end
      | Gt => None
      end
  end.
Fixpoint divide (fuel : nat) (p d : poly) : option poly :=
  match fuel, p, d with
  | _, [], _ => Some []
  | S fuel, (m, c) :: _, (n, e) :: _ =>
      match mono_div m n with
      | Some k =>
          let s := Qred (c / e) in
          match divide fuel (psub p (pscale k s d)) d with Some q => Some (padd [(k, s)] q) | None => None end
      | None => None
      end
  | _, _, _ => None
  end.

(* Quotients: numerator, denominator. *)
Definition ratio := (poly * poly)%type.
Definition rpoly (p : poly) : ratio := (p, pint 1).
Definition rint (z : Z) : ratio := rpoly (pint z).
Definition simplify (p d : poly) : ratio :=
  match d with
  | [([], c)] => if Qeq_bool c 1 then (p, d) else (pmul (pconst (Qred (Qinv c))) p, pint 1)
  | _ => match divide 64 p d with
         | Some q => if pequal (pmul q d) p then (q, pint 1) else (p, d)
         | None => (p, d)
         end
  end.
Definition radd (a b : ratio) : ratio :=
  match fst a, fst b with
  | [], _ => b
  | _, [] => a
  | _, _ => if pequal (snd a) (snd b) then simplify (padd (fst a) (fst b)) (snd a)
            else simplify (padd (pmul (fst a) (snd b)) (pmul (fst b) (snd a))) (pmul (snd a) (snd b))
  end.
Definition rmul (a b : ratio) : ratio := simplify (pmul (fst a) (fst b)) (pmul (snd a) (snd b)).
Definition ropp (a : ratio) : ratio := (popp (fst a), snd a).
Definition rsub (a b : ratio) : ratio := radd a (ropp b).
Definition rmap (f : var -> var) (a : ratio) : ratio := (pmap f (fst a), pmap f (snd a)).
Definition same (a b : ratio) : bool :=
  (pequal (fst a) (fst b) && pequal (snd a) (snd b)) || pequal (pmul (fst a) (snd b)) (pmul (fst b) (snd a)).
Definition ratio_vars (f : var -> bool) (a : ratio) : bool := all_vars f (fst a) && all_vars f (snd a).

Arguments ofZ {F} z : simpl never.
Arguments ofQ {F} q : simpl never.

Section Meaning.
  Variable F : field.
  Add Field poly_field : (is_field F).
  Local Open Scope number_scope.

  Fixpoint factors (rho : var -> F) (m : mono) : F := match m with [] => one | (v, n) :: m => pow F (rho v) (N.to_nat n) * factors rho m end.
  Fixpoint peval (rho : var -> F) (p : poly) : F := match p with [] => zero | (m, c) :: p => ofQ c * factors rho m + peval rho p end.

  Definition roots (rho : var -> F) : Prop := forall p, rho (Rt p) * rho (Rt p) = ofZ (Zpos p).

  Section Rho.
  Variable rho : var -> F.
  Hypothesis good : roots rho.

  Lemma power_ok v n m : ofZ (fst (power v n m)) * factors rho (snd (power v n m)) = pow F (rho v) (N.to_nat n) * factors rho m.
  Proof.
    assert (K : forall k, factors rho (match k with N0 => m | _ => (v, k) :: m end) = pow F (rho v) (N.to_nat k) * factors rho m).
    { intros [| k]; cbn; [ring | reflexivity]. }
    unfold power. destruct v; cbn [fst snd]; rewrite ?K, ?ofZ_1; try ring.
    assert (E : (N.to_nat n = 2 * N.to_nat (n / 2) + N.to_nat (n mod 2))%nat).
    { rewrite <- (N2Nat.inj_mul 2), <- N2Nat.inj_add. f_equal. apply N.div_mod. discriminate. }
    rewrite E, pow_add, pow_mul.
    replace (pow F (rho (Rt n0)) 2) with (ofZ (Zpos n0) : F) by (rewrite <- (good n0); cbn; ring).
    rewrite pow_ofZ, N_nat_Z. ring.
  Qed.

  Lemma mono_insert_ok v n m :
    ofZ (fst (mono_insert v n m)) * factors rho (snd (mono_insert v n m)) = pow F (rho v) (N.to_nat n) * factors rho m.
  Proof.
    induction m as [| [w k] m IH]; cbn [mono_insert]; [apply power_ok |].
    destruct (compare_vars v w) eqn:E; [| apply power_ok |].
    - apply compare_vars_eq in E. subst w. rewrite power_ok, N2Nat.inj_add, pow_add. cbn. ring.
    - destruct (mono_insert v n m) as [c r]. cbn in *. transitivity (pow F (rho w) (N.to_nat k) * (ofZ c * factors rho r)); [ring |]. rewrite IH. ring.
  Qed.

  Lemma mono_mul_ok a b : ofZ (fst (mono_mul a b)) * factors rho (snd (mono_mul a b)) = factors rho a * factors rho b.
  Proof.
    induction a as [| [v n] a IH]; cbn; [rewrite ofZ_1; ring |]. fold (mono_mul a b) in *.
    pose proof (mono_insert_ok v n (snd (mono_mul a b))) as I. destruct (mono_insert v n (snd (mono_mul a b))) as [c m]. cbn in *.
    rewrite ofZ_mul. transitivity (ofZ (fst (mono_mul a b)) * (ofZ c * factors rho m)); [ring |]. rewrite I.
    transitivity (pow F (rho v) (N.to_nat n) * (ofZ (fst (mono_mul a b)) * factors rho (snd (mono_mul a b)))); [ring |]. rewrite IH. ring.
  Qed.

  Lemma cons_term_ok m c p : peval rho (cons_term m c p) = ofQ c * factors rho m + peval rho p.
  Proof.
    unfold cons_term. destruct (Z.eqb_spec (Qnum c) 0) as [E |]; [| reflexivity].
    replace (ofQ c) with (zero : F); [ring |]. rewrite <- ofQ_0. apply ofQ_eq. unfold Qeq. rewrite E. reflexivity.
  Qed.
  Lemma insert_ok m c p : peval rho (insert m c p) = ofQ c * factors rho m + peval rho p.
  Proof.
    induction p as [| [n d] p IH]; cbn [insert]; [apply cons_term_ok |].
    destruct (compare_monos m n) eqn:E; [| cbn; rewrite IH; ring | apply cons_term_ok].
    apply compare_monos_eq in E. subst n. rewrite cons_term_ok, ofQ_red, ofQ_add. cbn. ring.
  Qed.
  Lemma padd_ok p q : peval rho (padd p q) = peval rho p + peval rho q.
  Proof. induction p as [| [m c] p IH]; unfold padd; cbn [fold_right peval fst snd]; [ring |]. fold (padd p q). rewrite insert_ok, IH. ring. Qed.
  Lemma pscale_ok m c p : peval rho (pscale m c p) = ofQ c * factors rho m * peval rho p.
  Proof.
    induction p as [| [n d] p IH]; unfold pscale; cbn [fold_right peval fst snd]; [ring |]. fold (pscale m c p). pose proof (mono_mul_ok m n) as M. destruct (mono_mul m n) as [z k]. cbn in M.
    rewrite insert_ok, IH, ofQ_red, !ofQ_mul, ofQ_Z.
    transitivity (ofQ c * ofQ d * (ofZ z * factors rho k) + ofQ c * factors rho m * peval rho p); [ring |]. rewrite M. ring.
  Qed.
  Lemma pmul_ok p q : peval rho (pmul p q) = peval rho p * peval rho q.
  Proof. induction p as [| [m c] p IH]; unfold pmul; cbn [fold_right peval fst snd]; [ring |]. fold (pmul p q). rewrite padd_ok, pscale_ok, IH. ring. Qed.
  Lemma popp_ok p : peval rho (popp p) = - peval rho p.
  Proof. induction p as [| [m c] p IH]; unfold popp; cbn [map peval fst snd]; [ring |]. fold (popp p). rewrite IH, ofQ_opp. ring. Qed.
  Lemma psub_ok p q : peval rho (psub p q) = peval rho p - peval rho q.
  Proof. unfold psub. rewrite padd_ok, popp_ok. ring. Qed.
  Lemma pconst_ok c : peval rho (pconst c) = ofQ c.
  Proof. unfold pconst. rewrite cons_term_ok. cbn. ring. Qed.
  Lemma pint_ok z : peval rho (pint z) = ofZ z.
  Proof. unfold pint. now rewrite pconst_ok, ofQ_Z. Qed.
  Lemma pvar_ok v : peval rho (pvar v) = rho v.
  Proof. unfold pvar. cbn [peval factors]. change (N.to_nat 1) with 1%nat. cbn [pow]. rewrite ofQ_1. ring. Qed.
  Lemma ppow_ok p n : peval rho (ppow p n) = pow F (peval rho p) n.
  Proof. induction n as [| n IH]; cbn [ppow pow]; [now rewrite pint_ok, ofZ_1 |]. now rewrite pmul_ok, IH. Qed.
  Lemma psubst_ok f p : peval rho (psubst f p) = peval (fun v => peval rho (f v)) p.
  Proof.
    induction p as [| [m c] p IH]; unfold psubst; cbn [fold_right peval fst snd]; [reflexivity |]. fold (psubst f p). rewrite padd_ok, IH, pmul_ok, pconst_ok. f_equal. f_equal.
    induction m as [| [v n] m IHm]; cbn [fold_right factors fst snd]; [now rewrite pint_ok, ofZ_1 |]. now rewrite pmul_ok, ppow_ok, IHm.
  Qed.
  Lemma pequal_ok p q : pequal p q = true -> peval rho p = peval rho q.
  Proof.
    revert q. induction p as [| [m c] p IH]; intros [| [n d] q]; cbn; try discriminate; [reflexivity |].
    destruct (compare_monos m n) eqn:E; try discriminate. apply compare_monos_eq in E. subst n.
    intro H. apply andb_prop in H as [Hc H]. apply Qeq_bool_eq in Hc. now rewrite (IH q H), (ofQ_eq F _ _ Hc).
  Qed.
  End Rho.

  Lemma pmap_ok rho f p : peval rho (pmap f p) = peval (fun v => rho (f v)) p.
  Proof.
    induction p as [| [m c] p IH]; unfold pmap; cbn [map peval fst snd]; [reflexivity |]. fold (pmap f p). rewrite IH. f_equal. f_equal.
    induction m as [| [v n] m IHm]; cbn [map factors fst snd]; [reflexivity |]. now rewrite IHm.
  Qed.
  Lemma peval_ext f rho rho' p : (forall v, f v = true -> rho v = rho' v) -> all_vars f p = true -> peval rho p = peval rho' p.
  Proof.
    intro E. induction p as [| [m c] p IH]; cbn; intro H; [reflexivity |]. apply andb_prop in H as [Hm H]. rewrite IH by assumption. f_equal. f_equal.
    clear -E Hm. induction m as [| [v n] m IHm]; cbn in *; [reflexivity |]. apply andb_prop in Hm as [Hv Hm]. now rewrite IHm, (E v).
  Qed.

  (* A quotient stands for x: its denominator is not zero, and x is the quotient. *)
  Definition stands (rho : var -> F) (a : ratio) (x : F) : Prop := peval rho (snd a) <> zero /\ peval rho (fst a) = x * peval rho (snd a).

  Lemma stands_unique rho a x y : stands rho a x -> stands rho a y -> x = y.
  Proof. intros [N H] [_ H']. apply (cancel F _ _ _ N). congruence. Qed.
  Lemma stands_ext f rho rho' a x : (forall v, f v = true -> rho v = rho' v) -> ratio_vars f a = true -> stands rho a x -> stands rho' a x.
  Proof.
    intros E H [N S]. apply andb_prop in H as [H1 H2].
    split; rewrite <- (peval_ext f rho rho' (snd a) E H2); [assumption |]. now rewrite <- (peval_ext f rho rho' (fst a) E H1).
  Qed.
  Lemma rmap_ok rho f a x : stands (fun v => rho (f v)) a x -> stands rho (rmap f a) x.
  Proof. unfold stands, rmap. cbn [fst snd]. now rewrite !pmap_ok. Qed.

  Section Ratio.
  Variable rho : var -> F.
  Hypothesis good : roots rho.

  Lemma int_1_not_zero : peval rho (pint 1) <> zero.
  Proof. rewrite pint_ok, ofZ_1. apply one_not_zero. Qed.
  Lemma rpoly_ok p : stands rho (rpoly p) (peval rho p).
  Proof. split; cbn [fst snd rpoly]; [apply int_1_not_zero |]. rewrite pint_ok, ofZ_1. ring. Qed.
  Lemma rint_ok z : stands rho (rint z) (ofZ z).
  Proof. rewrite <- (pint_ok rho). apply rpoly_ok. Qed.
  Lemma simplify_ok p d x : peval rho d <> zero -> peval rho p = x * peval rho d -> stands rho (simplify p d) x.
  Proof.
    intros N E. unfold simplify.
    assert (G : stands rho (match divide 64 p d with Some q => if pequal (pmul q d) p then (q, pint 1) else (p, d) | None => (p, d) end) x).
    { destruct (divide 64 p d) as [q |]; [| now split]. destruct (pequal (pmul q d) p) eqn:H; [| now split].
      apply (pequal_ok rho) in H. rewrite pmul_ok in H by assumption. split; cbn [fst snd]; [apply int_1_not_zero |].
      rewrite pint_ok, ofZ_1. apply (cancel F _ _ _ N). rewrite H, E. ring. }
    destruct d as [| [[| vn m] c] [| mc d]]; try exact G. destruct (Qeq_bool c 1); [now split |].
    cbn in N, E. split; cbn [fst snd]; [apply int_1_not_zero |]. rewrite pmul_ok, pconst_ok, ofQ_red, pint_ok, ofZ_1 by assumption.
    assert (Nc : ofQ c <> (zero : F)) by (intro H; apply N; rewrite H; ring).
    assert (Nq : ~ Qeq c 0) by (intro H; apply Nc; now rewrite (ofQ_eq F _ _ H), ofQ_0).
    assert (I : ofQ (Qinv c) * ofQ c = (one : F)).
    { rewrite <- ofQ_mul, <- ofQ_1. apply ofQ_eq. rewrite Qmult_comm. now apply Qmult_inv_r. }
    rewrite E. transitivity (x * (ofQ (Qinv c) * ofQ c)); [ring |]. rewrite I. ring.
  Qed.
  Lemma radd_ok a b x y : stands rho a x -> stands rho b y -> stands rho (radd a b) (x + y).
  Proof.
    intros [Na Ha] [Nb Hb]. unfold radd.
    assert (G : stands rho (if pequal (snd a) (snd b) then simplify (padd (fst a) (fst b)) (snd a)
                else simplify (padd (pmul (fst a) (snd b)) (pmul (fst b) (snd a))) (pmul (snd a) (snd b))) (x + y)).
    { destruct (pequal (snd a) (snd b)) eqn:E.
      - apply (pequal_ok rho) in E. apply simplify_ok; [assumption |]. rewrite padd_ok, Ha, Hb, E. ring.
      - apply simplify_ok; rewrite ?padd_ok, ?pmul_ok by assumption; [now apply no_zero_divisors |]. rewrite Ha, Hb. ring. }
    destruct (fst a) as [| ta pa] eqn:Ea.
    - replace (x + y) with y; [now split |]. cbn in Ha. replace x with (zero : F); [ring |]. apply (cancel F _ _ _ Na). rewrite <- Ha. ring.
    - destruct (fst b) as [| tb pb] eqn:Eb; [| exact G].
      replace (x + y) with x; [split; [assumption | now rewrite Ea] |]. cbn in Hb. replace y with (zero : F); [ring |]. apply (cancel F _ _ _ Nb). rewrite <- Hb. ring.
  Qed.
  Lemma rmul_ok a b x y : stands rho a x -> stands rho b y -> stands rho (rmul a b) (x * y).
  Proof.
    intros [Na Ha] [Nb Hb]. apply simplify_ok; rewrite ?pmul_ok by assumption; [now apply no_zero_divisors |]. rewrite Ha, Hb. ring.
  Qed.
  Lemma ropp_ok a x : stands rho a x -> stands rho (ropp a) (- x).
  Proof. intros [N H]. split; cbn [fst snd ropp]; [assumption |]. rewrite popp_ok, H. ring. Qed.
  Lemma rsub_ok a b x y : stands rho a x -> stands rho b y -> stands rho (rsub a b) (x - y).
  Proof. intros. replace (x - y) with (x + - y) by ring. apply radd_ok; [assumption | now apply ropp_ok]. Qed.
  Lemma rinv_ok a x : x <> zero -> stands rho a x -> stands rho (snd a, fst a) (inv x).
  Proof.
    intros Nx [N H]. split; cbn [fst snd]; rewrite H; [now apply no_zero_divisors |]. field. assumption.
  Qed.
  Lemma same_ok a b x y : same a b = true -> stands rho a x -> stands rho b y -> x = y.
  Proof.
    intros H [Na Ha] [Nb Hb]. apply (cancel F _ _ _ (no_zero_divisors F _ _ Na Nb)).
    assert (E : peval rho (fst a) * peval rho (snd b) = peval rho (fst b) * peval rho (snd a)).
    { apply orb_prop in H as [H | H].
      - apply andb_prop in H as [H1 H2]. apply (pequal_ok rho) in H1, H2. congruence.
      - apply (pequal_ok rho) in H. now rewrite !pmul_ok in H. }
    transitivity (peval rho (fst a) * peval rho (snd b)); [rewrite Ha; ring |]. rewrite E, Hb. ring.
  Qed.

  (* Signs: no coefficient is negative, and no variable. *)
  Lemma nonneg_ok (f : var -> bool) p : (forall v, f v = true -> le zero (rho v)) -> all_vars f p = true ->
    forallb (fun mc => Z.leb 0 (Qnum (snd mc))) p = true -> le zero (peval rho p).
  Proof.
    intro V. induction p as [| [m c] p IH]; cbn; intros A C; [apply le_refl |].
    apply andb_prop in A as [Am A], C as [Cm C]. apply le_plus; [| now apply IH]. apply le_mul; [now apply ofQ_nonneg, Z.leb_le |].
    clear -V Am. induction m as [| [v n] m IHm]; cbn in *; [apply le_0_1 |]. apply andb_prop in Am as [Av Am].
    apply le_mul; [apply pow_nonneg; now apply V | now apply IHm].
  Qed.
  End Ratio.
End Meaning.
